from __future__ import annotations

import pytest

from file_fetcher.parsers.formats.decoding import Encoding, encoding_of, has_undecoded, on_errors

CASES = {
    "ASCII": (b"beam", "utf-8"),
    "nothing": (b"", "utf-8"),
    "UTF-8": ("Träger".encode(), "utf-8"),
    "UTF-8 with a mark": ("Träger".encode("utf-8-sig"), "utf-8-sig"),
    "UTF-16": ("Träger".encode("utf-16"), "utf-16"),
    "UTF-16, big-endian": (b"\xfe\xff" + "Träger".encode("utf-16-be"), "utf-16"),
    "UTF-8 but for one line of twenty": ("Träger\n".encode() * 19 + b"Tr\xe4ger\n", "utf-8"),
    "UTF-8 cut inside a character": (("ä\n".encode() * 40_000)[: 64 * 1024 - 1], "utf-8"),
}


@pytest.mark.parametrize(("head", "encoding"), CASES.values(), ids=CASES)
def test_encoding_is_told_by_the_first_bytes(head: bytes, encoding: str) -> None:
    assert encoding_of(head) == Encoding(encoding)


GUESSES = {
    "French": ("id;remarque\n1;Maçonnerie à reprendre côté façade\n2;étanchéité déjà vérifiée\n", "cp1252"),
    "German": ("Der Träger über der Tür ist größer; prüfen, ob er paßt.\n", "cp1252"),
    "Spanish": ("señal número año cañería\n", "cp1252"),
    "Portuguese": ("fundação não concluída; inspeção à tarde\n", "cp1252"),
    "Swedish": ("Bjälklag på våning två är färdigt\n", "cp1252"),
    "a currency and a dash": ("Item;Price\r\nPipe;5 €\r\nValve – small;7 €\r\n", "cp1252"),
    "a degree": ("Temp 20 °C\n", "cp1252"),
    "Czech": ("Příliš žluťoučký kůň úpěl ďábelské ódy\n", "cp1250"),
    "Japanese": ("番号,名前,備考\n1,山田太郎,天井の漏水\n2,鈴木花子,壁の亀裂を確認\n", "cp932"),
    "Japanese, of Unix": ("番号,名前,備考\n1,山田太郎,天井の漏水\n2,鈴木花子,壁の亀裂を確認\n", "euc_jp"),
    "Korean": ("번호,이름,비고\n1,콘크리트 보,삼층 동쪽 점검 필요\n", "cp949"),
    "Chinese": ("编号,名称,备注\n1,混凝土梁,三楼东侧需要检查\n", "gb18030"),
    "Russian": ("Бетонная балка; стальная колонна; этаж\n", "cp1251"),
    "Greek": ("Δοκός σκυροδέματος; κολόνα\n", "cp1253"),
}


@pytest.mark.parametrize("times", [1, 10, 100])
@pytest.mark.parametrize(("text", "written_in"), GUESSES.values(), ids=GUESSES)
def test_what_no_byte_says_is_a_guess(text: str, written_in: str, times: int) -> None:
    content = (text * times).encode(written_in)
    encoding = encoding_of(content)
    assert content.decode(encoding.name) == text * times
    assert encoding.is_guessed
    assert encoding.warning == f"the encoding is a guess: {encoding.name}"


def test_bytes_that_windows_has_no_letter_for_make_no_other_encoding() -> None:
    assert encoding_of(b"Tr\xe4ger \x81\x83\n") == Encoding("cp1252", is_guessed=True)


def test_long_text_is_guessed_by_its_whole_lines() -> None:
    text = ("番号の確認\n" * 10_000).encode("cp932")
    assert encoding_of(text[: 64 * 1024]) == Encoding("cp932", is_guessed=True)


def test_bytes_that_do_not_fit_can_be_told():
    assert has_undecoded(b"Tr\xe4ger".decode("utf-8", on_errors("utf-8")))
    assert not has_undecoded("Träger".encode().decode("utf-8", on_errors("utf-8")))


def test_every_byte_decodes_in_utf_16():
    assert b"a\x00b".decode("utf-16-le", on_errors("utf-16")) == "a\ufffd"
