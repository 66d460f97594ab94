"""Names of rows as the papers set them."""

import pytest
from matplotlib.text import Text

from harness.reporting.typeset import set_name, typeset


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("f^Hard, f_fusion", "<i>f</i><sup>Hard</sup>, <i>f</i><sub>fusion</sub>"),
        ("f_g5^Hard (Single)", '<i>f</i><span class="scripts"><sup>Hard</sup><sub>g5</sub></span> (Single)'),
        ("lambda_cl = 0.25 (best)", "<i>λ</i><sub>cl</sub> = 0.25 (best)"),
        ("r_w^(min) = 0.5", '<i>r</i><span class="scripts"><sup>(min)</sup><sub>w</sub></span> = 0.5'),
        ("K=2, res_4", "K=2, res<sub>4</sub>"),
        ("MPN°", "MPN°"),
    ],
)
def test_symbols_get_their_sub_and_superscript(name, shown):
    assert typeset(name) == shown


@pytest.mark.parametrize("name", ["my_method_v2", "w/o", "RMGL(Ours)†", "K = 12", "a^b^c"])
def test_other_names_stay_as_they_are(name):
    assert typeset(name) == name


def test_what_is_no_symbol_is_text():
    assert typeset("<script>f_x</script>") == "&lt;script&gt;<i>f</i><sub>x</sub>&lt;/script&gt;"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("f_g5^Hard (Single)", r"$f_{\mathrm{g5}}^{\mathrm{Hard}}$ (Single)"),
        ("lambda_cl = 0.25", r"$λ_{\mathrm{cl}}$ = 0.25"),
        ("res_4 for $5, or $6", r"$\mathrm{res}_{\mathrm{4}}$ for \$5, or \$6"),
        ("MPN°", "MPN°"),
    ],
)
def test_a_chart_sets_symbols_as_a_page_does(name, shown):
    text = Text()
    set_name(text, name)
    assert (text.get_text(), text.get_parse_math()) == (shown, True)
