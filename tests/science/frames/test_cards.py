"""Cards: nothing that stands in a header is lost."""

from astropy.io import fits

from hven.science.frames.cards import as_mapping, parse_cards


def parse(*lines: str):
    return parse_cards("".join(line.ljust(80)[:80] for line in lines).encode("latin-1"))


def test_values_of_every_kind_have_their_types():
    cards = as_mapping(
        parse(
            "A       =                    T / yes",
            "B       =                   -7",
            "C       =              1.5D+03 / Fortran",
            "D       = 'it''s / here  '     / comment",
            "E       =                      / nothing",
            "F       = ''",
            "G       = 12:34:56.7 / no quotes",
            "H       =                  .5E-3",
        )
    )
    assert cards == {
        "A": True, "B": -7, "C": 1500.0, "D": "it's / here", "E": None, "F": "", "G": "12:34:56.7", "H": 0.0005
    }  # fmt: skip


def test_comments_stay_with_their_cards():
    assert parse("EXPTIME =                 30.0 / [s] exposure")[0].comment == "[s] exposure"


def test_long_strings_are_joined():
    header = fits.Header()
    header["LONG"] = ("word " * 40).strip(), "and a comment"
    cards = parse_cards(header.tostring().encode())
    assert cards[0].value == ("word " * 40).strip()
    assert "comment" in cards[0].comment


def test_hierarch_keeps_the_whole_name():
    card = parse("HIERARCH ESO DET WIN1 BINX = 2 / binning")[0]
    assert (card.keyword, card.value) == ("ESO DET WIN1 BINX", 2)


def test_malformed_cards_survive_as_text():
    cards = parse(
        "ESO-LOG 03:04:08>-START EXPO EMMI RED",
        "OBJECT  = 'no closing quote",
        "\xff\xfe garbage",
        "SITELAT = +33:24:24.00",
        "COMMENT  = not a value",
        "HISTORY done",
    )
    assert [c.keyword for c in cards][:2] == ["ESO-LOG", "OBJECT"]
    assert cards[1].value == "no closing quote"
    assert cards[3].value == "+33:24:24.00"
    assert (cards[4].keyword, cards[4].value) == ("COMMENT", None)
    assert cards[5].comment.strip() == "done"
    assert len(cards) == 6


def test_what_stands_behind_end_is_not_read():
    assert len(parse("A       = 1", "END", "B       = 2")) == 1


def test_of_a_keyword_twice_the_first_value_counts():
    assert as_mapping(parse("RA      =", "RA      = 10.5", "RA      = 11.5"))["RA"] == 10.5
