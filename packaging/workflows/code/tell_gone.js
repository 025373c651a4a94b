const { product, stock } = $('Is it counted?').last().json;
return [{ json: stock > 0
  ? { success: false, error: 'not_enough', product, stock }
  : { success: false, error: 'sold_out', product } }];
