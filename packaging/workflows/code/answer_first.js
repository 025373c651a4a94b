return [{ json: $('Was it first?').first().json.answer }];
