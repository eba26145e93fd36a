"""Many lines: `clearhead translate` with its engines, beside a plain script of CTranslate2."""
