"""What each panel shows in each situation: the texts and the colours, as states/*.yaml state them."""

import pytest

from tests.dashboards.states.pictures import STATED, same, seen, stated
from tests.dashboards.states.situations import SITUATIONS
from tests.support.documents import DOCUMENTS, data_panels

PANELS = {
    f"{name}: {panel['title']}": (name, panel["title"])
    for name in STATED
    for panel in data_panels(DOCUMENTS[name])
}


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_shows_what_is_stated_in_each_situation(panel: str):
    dashboard, title = PANELS[panel]
    pictures = stated(dashboard, title)
    differences = []
    for situation in SITUATIONS:
        found = seen(situation)[dashboard, title]
        if situation not in pictures:
            differences.append(f"{situation}: no picture is stated; it shows {found}")
        elif not same(pictures[situation], found):
            differences.append(f"{situation}: stated {pictures[situation]}, it shows {found}")
    assert not differences, "\n".join(differences)


def test_every_dashboard_has_pictures():
    assert set(STATED) == set(DOCUMENTS)


@pytest.mark.parametrize("dashboard", STATED)
def test_only_panels_that_exist_have_pictures(dashboard: str):
    assert set(STATED[dashboard]) <= {panel["title"] for panel in data_panels(DOCUMENTS[dashboard])}
