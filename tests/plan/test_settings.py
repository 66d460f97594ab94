"""Settings of one's own: how they are read, what they change, and what a start takes over."""

from dataclasses import replace

import pytest

from harness import registry
from harness.cell import Setting, settings_label
from harness.errors import BadInput
from harness.plan import settings as own
from harness.recipe import Erasing, Initialisation


def written(*texts):
    """The one combination of these settings."""
    (found,) = own.combinations(texts)
    return found


def applied(method_id, *texts, profile="demo", switches=None):
    """The training of a method's full switches with these settings."""
    method = registry.method(method_id)
    return own.applied(method, method.parse(switches or {}, "test"), "market1501", profile, written(*texts))


def test_each_combination_of_values_is_one_set_of_settings():
    found = own.combinations(["recipe.optimiser.rate=0.01,0.02", "recipe.epochs=5,6"])
    assert [[setting.value for setting in each] for each in found] == [
        ["5", "0.01"],
        ["5", "0.02"],
        ["6", "0.01"],
        ["6", "0.02"],
    ]


def test_a_list_in_brackets_is_one_value():
    assert written("recipe.schedule.milestones=[3, 5]") == (Setting("recipe.schedule.milestones", "[3, 5]"),)


@pytest.mark.parametrize("text", ["recipe.epochs", "recipe.epochs=", "=3", "recipe.epochs=[1", "recipe.epochs= "])
def test_a_text_that_is_no_setting_says_how_to_write_one(text):
    with pytest.raises(BadInput, match="--set"):
        own.combinations([text])


def test_a_name_given_twice_is_refused():
    with pytest.raises(BadInput, match="given twice; write its values with commas"):
        own.combinations(["recipe.epochs=1", "recipe.epochs=2"])


def test_values_get_the_type_of_their_field():
    recipe = applied(
        "rmgl", "recipe.epochs=20", "recipe.optimiser.rate=1e-3", "recipe.schedule.milestones=[3, 5]"
    ).recipe
    assert (recipe.epochs, recipe.optimiser.rate, recipe.schedule.milestones) == (20, 0.001, (3, 5))


def test_two_spellings_of_a_value_are_one_setting():
    assert (
        applied("rmgl", "recipe.optimiser.rate=2e-3").settings
        == applied("rmgl", "recipe.optimiser.rate=0.0020").settings
    )


def test_a_part_that_is_left_out_is_put_in_with_its_defaults_and_none_takes_it_out():
    method = registry.method("bot")
    assert applied("bot", "recipe.augmentation.erasing=none").recipe.augmentation.erasing is None
    without = replace(method.switches(), erasing=False)
    training = own.applied(
        method, without, "market1501", "demo", written("recipe.augmentation.erasing.probability=0.3")
    )
    assert training.recipe.augmentation.erasing == Erasing(probability=0.3)


def test_a_setting_that_says_what_the_recipe_says_is_left_out():
    epochs = applied("rmgl").recipe.epochs
    assert applied("rmgl", f"recipe.epochs={epochs}").settings == ()
    assert applied("mdpr", "switches.variant=paper").settings == ()


def test_a_switch_changes_the_recipe_that_depends_on_it():
    training = applied("ddag", "switches.variant=released", profile="paper")
    assert (training.switches.variant, training.recipe.epochs) == ("released", 81)
    assert settings_label(training.settings) == "not as printed: variant released"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("recipe.epoch=3", "unknown setting 'recipe.epoch'; the nearest known: 'recipe.epochs'"),
        ("epochs=3", "the nearest known: 'recipe.epochs'"),
        ("recipe.optimiser.rat=3", "'recipe.optimiser.rate'"),
        ("switches.margn=1", "'switches.margin'"),
        ("recipe.epochs=many", "recipe.epochs=many: must be a whole number, 0 or more, not 'many'"),
        ("recipe.epochs=2.5", "must be a whole number"),
        ("recipe.epochs=0", "give 1 or more"),
        ("recipe.optimiser.rate=fast", "must be a number, 0 or more"),
        ("recipe.optimiser.rate=-1", "must be a number, 0 or more"),
        ("recipe.optimiser.name=adamw", "must be one of sgd, adam, not 'adamw'"),
        ("recipe.flip_test=perhaps", "must be true or false"),
        ("recipe.schedule.milestones=3", "must be a list in brackets"),
        ("recipe.augmentation=none", "fields of its own"),
        ("recipe.backbone=resnet51", "unknown backbone 'resnet51'; the nearest known: 'resnet50'"),
        ("recipe.backbone=torchvision:mobilnet_v2", "unknown network of torchvision 'mobilnet_v2'"),
        ("recipe.initialisation.kind=run", None),
    ],
)
def test_a_wrong_name_or_value_is_told_in_one_sentence(text, message):
    if message is None:
        with pytest.raises(BadInput, match="names no run to start from"):
            applied("ide", text)
        return
    with pytest.raises(BadInput) as error:
        applied("rmgl", text)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_start_takes_the_trunk_and_the_size_and_nothing_else():
    settings = written("recipe.backbone=resnet50", "recipe.height=256", "recipe.epochs=3", "switches.margin=1.0")
    assert {each.name for each in own.handed_on(settings)} == {"recipe.backbone", "recipe.height"}


def test_a_network_brings_its_size_and_starts_from_its_published_weights():
    recipe = applied("rmgl", "recipe.backbone=mobilenet_v2", profile="budget").recipe
    assert (recipe.height, recipe.width, recipe.initialisation) == (128, 64, Initialisation("imagenet"))


def test_a_network_keeps_the_printed_size_at_paper_and_a_size_that_is_set():
    assert applied("pcb", "recipe.backbone=mobilenet_v2", profile="paper").recipe.height == 384
    recipe = applied("pcb", "recipe.backbone=mobilenet_v2", "recipe.height=192").recipe
    assert (recipe.height, recipe.width) == (192, 64)


def test_another_resnet_keeps_the_start_of_the_recipe():
    assert applied("rmgl", "recipe.backbone=resnet18").recipe.initialisation.method == "ide"


def test_a_file_replaces_published_weights_but_not_a_start_that_is_the_papers_own():
    def start(method_id, profile, switches=None):
        method = registry.method(method_id)
        parsed = method.parse(switches or {}, "test")
        recipe, printed = (method.recipe(parsed, "market1501", each) for each in (profile, "paper"))
        return own.starting_from_file(recipe, printed).initialisation

    assert start("ide", "budget").kind == start("rmgl", "budget").kind == start("rmgl", "paper").kind == "file"
    assert (start("mpn", "budget").kind, start("mpn", "budget").method) == ("run", "ide")
    assert start("pcb", "budget", {"pooling": "refined"}).part == "model"


def test_a_profile_that_a_users_method_lacks_is_told_in_one_sentence():
    def recipe(switches, dataset, profile):
        return {"paper": None}[profile]

    lacking = replace(registry.method("bot"), recipe=recipe)
    with pytest.raises(BadInput, match="method bot has no recipe for --profile study; add it to EFFORT"):
        own.applied(lacking, lacking.switches(), "synthetic", "study", ())
