from __future__ import annotations

import pytest

from appliance.errors import InvalidInput
from appliance.integrations.database.statement import read_statement

EVERY = ("postgresql", "mysql", "mariadb", "sqlite")


@pytest.mark.parametrize("engine", EVERY)
@pytest.mark.parametrize(
    ("query", "written", "names"),
    [
        ("SELECT 1", "SELECT 1", ()),
        (" select 1 ;\n", "select 1", ()),
        ("SELECT * FROM o WHERE a = :a", "SELECT * FROM o WHERE a = <a>", ("a",)),
        ("SELECT :a, :b, :a", "SELECT <a>, <b>, <a>", ("a", "b", "a")),
        ("SELECT ':a', :a_1", "SELECT ':a', <a_1>", ("a_1",)),
        ("SELECT 'it''s; -- a', :a", "SELECT 'it''s; -- a', <a>", ("a",)),
        ("(SELECT 1) UNION (SELECT :a)", "(SELECT 1) UNION (SELECT <a>)", ("a",)),
        ("WITH x AS (SELECT 1) SELECT count(*) FROM x", None, ()),
        ("VALUES (1), (:a)", "VALUES (1), (<a>)", ("a",)),
        ("SELECT a FROM o WHERE b IN (1, 2) AND (c) LIKE (:x)", None, ("x",)),
        ("SELECT CASE WHEN (a) THEN (b) ELSE (c) END FROM o", None, ()),
        ("SELECT CAST(a AS decimal(10, 2)) FROM o", None, ()),
        ("SELECT o.update, o.delete FROM o", None, ()),
        ("SELECT שם FROM הזמנות WHERE שם = 'כובע' AND x = :x", None, ("x",)),
        ("SELECT 1.5, 1e3, .5 FROM o LIMIT :n OFFSET 10", None, ("n",)),
        ("SELECT replace(a, 'x', 'y') FROM o", None, ()),
        ("SELECT a FROM o JOIN p USING (id) WHERE EXISTS (SELECT 1)", None, ()),
        ("SELECT row_number() OVER (PARTITION BY a ORDER BY b) FROM o", None, ()),
        ("SELECT date(a), upper(b) FROM o GROUP BY (a) HAVING (count(*) > 1)", None, ()),
        ("SELECT updated_at, deleted, inserted FROM callbacks", None, ()),
    ],
)
def test_what_only_reads_is_taken_apart(
    engine: str, query: str, written: str | None, names: tuple[str, ...]
) -> None:
    statement = read_statement(query, engine)  # type: ignore[arg-type]
    expected = written or query.replace(":x", "<x>").replace(":n", "<n>")
    assert statement.write(lambda name: f"<{name}>") == expected
    assert statement.names == names
    assert statement.distinct_names == tuple(dict.fromkeys(names))


@pytest.mark.parametrize(
    ("engine", "query"),
    [
        (
            "postgresql",
            "SELECT a::text, :b::date, j->>'x', j @> :c FROM \"My Orders\" WHERE a ? 'x'",
        ),
        ("postgresql", "TABLE orders"),
        ("postgresql", "SELECT tags[1], ARRAY[1, 2], id = ANY(:ids) FROM orders"),
        ("postgresql", "SELECT a FROM o WHERE code ~ '^\\d+$'"),
        ("postgresql", "SELECT x FROM f AS g(x, y), LATERAL (SELECT 1) AS h"),
        ("postgresql", "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FROM o"),
        ("postgresql", "SELECT extract(year FROM a), now() - interval '1 day' FROM o"),
        ("mysql", "SELECT `my order`.`a` FROM `my order` WHERE b = :b"),
        ("mariadb", "SELECT date_sub(now(), INTERVAL 1 DAY), a <=> b FROM o"),
        ("sqlite", "SELECT \"a b\", json_extract(j, '$.x'), j ->> 'x' FROM \"o\" WHERE a GLOB 'x'"),
    ],
)
def test_each_database_keeps_its_own_spelling(engine: str, query: str) -> None:
    assert read_statement(query, engine)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("query", "engine", "said"),
    [
        ("", "sqlite", "Begin with SELECT"),
        ("DELETE FROM o", "sqlite", "Begin with SELECT"),
        ("EXPLAIN SELECT 1", "sqlite", "Begin with SELECT"),
        ('"select" 1', "sqlite", "Begin with SELECT"),
        ("SELECT 1; SELECT 2", "sqlite", "one statement"),
        ("SELECT 1 -- x", "sqlite", "comments"),
        ("SELECT 1 /* x */", "mysql", "comments"),
        ("SELECT 1 # x", "mysql", "comments"),
        ("SELECT 1 # x", "sqlite", "comments"),
        ("SELECT $1", "postgresql", ":name"),
        ("SELECT $$x$$", "postgresql", "single quotes"),
        ("SELECT ?", "mysql", ":name"),
        ("SELECT @x", "mysql", "Variables"),
        ("SELECT @x", "sqlite", "Variables"),
        ("SELECT 'a", "sqlite", "not closed"),
        ("SELECT 'a\x00b'", "sqlite", "not closed"),
        ('SELECT "a"', "mysql", "backticks"),
        ("SELECT `a`", "postgresql", "double quotes"),
        ("SELECT [a]", "sqlite", "brackets"),
        ("SELECT 'a\\'", "mysql", "backslash"),
        ("SELECT E'a'", "postgresql", "blank"),
        ("SELECT U&'a'", "postgresql", "blank"),
        ("SELECT 1a", "postgresql", "blank"),
        ("SELECT a INTO b FROM c", "postgresql", "'INTO' does more"),
        ("SELECT a FROM b FOR UPDATE", "postgresql", "'FOR UPDATE' does more"),
        ("SELECT NEXT VALUE FOR s", "mariadb", "'NEXT VALUE' does more"),
        ("WITH x AS (DELETE FROM o) SELECT 1", "postgresql", "'DELETE' does more"),
        ("SELECT pg_read_file('x')", "postgresql", "'pg_read_file('"),
        ("SELECT \u212aoalesce(1)", "postgresql", "known to read"),
        ("SELECT loKer(1)", "postgresql", "known to read"),
        ("SELECT ſubstr(1)", "postgresql", "known to read"),
        ("SELECT any.filter(1)", "postgresql", "without their schema"),
        ("SELECT (a).b", "postgresql", "A dot behind"),
        ("SELECT a[1].b", "postgresql", "A dot behind"),
        ("SELECT :a.b", "postgresql", "A dot behind"),
        ("WITH t(a) AS (SELECT 1) SELECT a FROM t", "postgresql", "write AS before it"),
    ],
)
def test_what_may_do_more_is_refused(query: str, engine: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_statement(query, engine)  # type: ignore[arg-type]
    [error] = caught.value.errors
    assert error.field == "query"
    assert said in error.message


def test_names_behind_dots_are_kept_as_the_server_reads_them() -> None:
    query = 'SELECT o.Name, o."Odd""Name", p.name FROM o, p'
    assert read_statement(query, "postgresql").qualified == ("name", 'Odd"Name')
