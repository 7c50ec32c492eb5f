#!/usr/bin/env python3
"""
vocab_golden.py TOKENIZER.json > vocab_golden.inl

The tokens that Hugging Face's tokenizers gives texts of many scripts with Whisper's multilingual vocabulary: words, digits and marks
of every kind that byte-pair rules tell apart by their Unicode classes. The C tests hold our encoder to them.
"""

import sys

import tokenizers

TEXTS = [
    # scripts with letters, marks that combine, digits of their own, no spaces
    "สวัสดีชาวโลก ๑๒๓", "שלום עולם, מה נשמע?", "გამარჯობა მსოფლიო", "வணக்கம் உலகம் ௧௨", "ආයුබෝවන් ලෝකය", "ሰላም ለዓለም ፩፪",
    "Բարեւ աշխարհ", "မင်္ဂလာပါ ကမ္ဘာ ၁၂", "ជំរាបសួរ ពិភពលោក", "ສະບາຍດີຊາວໂລກ", "ᠰᠠᠢᠨ", "ਸਤ ਸ੍ਰੀ ਅਕਾਲ ੧੨", "নমস্কার বিশ্ব ১২৩",
    "سلام دنیا ۱۲۳", "Γειά σου Κόσμε", "Xin chào thế giới", "Zażółć gęślą jaźń", "Příliš žluťoučký kůň", "İstanbul'da ığdır", "Þórr æði",
    "mà è così", "ﬁne ﬂow ﬀ", "Ｆｕｌｌ　ｗｉｄｔｈ１２３", "ㄅㄆㄇ 漢字カタカナひらがな", "ꦲꦏ꧀ꦱꦫ", "𐍈𐌰 𝔘𝔫𝔦 𝟙𝟚𝟛", "𓀀𓀁",
    # numbers that are no decimal digits, marks, signs, joiners, separators
    "x² + y³ = ½ ¾ ⅓", "Ⅷ ⅻ ①②③ ㊿", "№ 5 §7 ¶ † ‡", "€5 £6 ¥7 ₹8 ₿", "a\u0301\u0323 e\u0308", "👩\u200d👩\u200d👧 🏳\ufe0f\u200d🌈 👍🏽", "→ ⇒ ≠ ∀x∈ℝ",
    "“quoted” ‘single’ «guillemets» „unten“", "en–dash em—dash…ellipsis", "soft\u00adhyphen zero\u200bwidth\ufeffbom", "a\u2003b\u2009c\u202fd\u3000e",
    "a\u2028b\u2029c\u0085d", "\u001ca\u001db\u001fc", "tab\tnew\nline\r\nend  ", "   three", "a   ", "\n\n\n", "’s don’t I’m", "'S 'T 'LL it'S we'Re",
    "don't'll've", "''s '", "_under_score __", "a1b2c3 4d5e", "3.14159 1,000,000 12:34", "C++ C# .NET @user #tag", "http://a.b/c?d=e&f=g", "\x7f\x80\x9f",
    "🎵🎶 ♪♫ ♬", "ノ・ー〜", "ｶﾀｶﾅ", "한글 ㄱㄴ", "ё й ѣ", "ʻokina ʼ ˈ", "ₓₙ ⁿ ª º", "ǅ ǈ", "״׳ ־", "।॥", "٪ ؟ ،", "࿐༡༢", "\U000e0041", "\ufffd",
]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    tokenizer = tokenizers.Tokenizer.from_file(sys.argv[1])
    print(f"/* Made by vocab_golden.py with tokenizers {tokenizers.__version__}: do not edit. */")
    for text in TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        escaped = "".join(f"\\x{byte:02x}" for byte in text.encode())
        print(f'    {{"{escaped}", {len(text.encode())},\n     {{{", ".join(map(str, ids))}}}, {len(ids)}}},')


if __name__ == "__main__":
    main()
