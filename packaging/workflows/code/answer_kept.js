return [{ json: $('Was it in time?').first().json.answer }];
