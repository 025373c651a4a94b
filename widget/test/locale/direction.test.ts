/** Tests which way sentences run, whole and while they are written. */
import { describe, expect, it } from "vitest";
import { directionOf } from "../../src/locale/direction";

const HEBREW = [
  "שלום, איך אפשר לעזור?",
  "SodaStream Terra נמצאת במלאי, וגם הצבע הלבן",
  "Wolt ו-SodaStream משתתפות במבצע",
  "ה-iPhone 15 Pro Max של Apple במלאי",
  "#A-1043 היא מספר ההזמנה שלכם",
  "A-1043 יצאה למשלוח",
  "https://shop.example/orders/1043 הוא הקישור להזמנה",
  "`git push` הוא הפקודה",
  "dana@shop.example היא הכתובת שלנו",
  "03-555-1234 (שלוחה 2)",
  "₪49.90 כולל מע״מ",
  "- **Galaxy S24**: במלאי, אספקה עד שלושה ימים",
  "مرحبا، طلبك رقم A-1043 في الطريق",
];

const ENGLISH = [
  "Hello, how can I help?",
  "The word שלום means peace and hello",
  "Your order from מאפיית is on its way",
  "Please ask for דנה when you call us",
  "We sell חלה and פיתה every single day of the week",
  "Ελληνικά и русский run the same way",
];

/** So short or so mixed that only what stands around says which way they run. */
const UNCLEAR = ["SodaStream במבצע", "iPhone 15 Pro Max במלאי", "Hello דנה!", "12345", "#A-1043", "", "https://shop.example", "…"];

describe("directionOf", () => {
  it.each(HEBREW)("takes %s from right to left anywhere", (text) => {
    expect([directionOf(text), directionOf(text, "ltr"), directionOf(text, "rtl")]).toEqual(["rtl", "rtl", "rtl"]);
  });

  it.each(ENGLISH)("takes %s from left to right anywhere", (text) => {
    expect([directionOf(text), directionOf(text, "ltr"), directionOf(text, "rtl")]).toEqual(["ltr", "ltr", "ltr"]);
  });

  it.each(UNCLEAR)("takes %j as what stands around it", (text) => {
    expect([directionOf(text, "ltr"), directionOf(text, "rtl")]).toEqual(["ltr", "rtl"]);
  });

  it("takes what has no letters from left to right where nothing stands around", () => {
    expect([directionOf("12345"), directionOf("SodaStream במבצע")]).toEqual(["ltr", "rtl"]);
  });

  it.each([...HEBREW, ...ENGLISH])("turns at most once while %s is written", (text) => {
    for (const base of ["ltr", "rtl"] as const) {
      const seen = Array.from(text, (_, at) => directionOf(text.slice(0, at + 1), base, true));
      const turns = seen.filter((direction, at) => at > 0 && direction !== seen[at - 1]).length;
      expect(turns, `${base}: ${seen.join(" ")}`).toBeLessThanOrEqual(1);
    }
  });

  it.each(HEBREW)("never turns a Hebrew conversation while %s is written", (text) => {
    const seen = new Set(Array.from(text, (_, at) => directionOf(text.slice(0, at + 1), "rtl", true)));
    expect([...seen]).toEqual(["rtl"]);
  });

  it("lets no later word turn a long text", () => {
    const start = "ההזמנה שלכם יצאה היום מהמחסן ותגיע אליכם מחר בבוקר עם השליח הקבוע שלנו";
    expect(directionOf(start + " and then only English words follow".repeat(30))).toBe("rtl");
  });
});
