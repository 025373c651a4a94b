return [{ json: { success: true, outcome: 'cancelled', ...$('Can it be?').first().json.told } }];
