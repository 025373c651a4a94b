return [{ json: $input.first().json.answer }];
