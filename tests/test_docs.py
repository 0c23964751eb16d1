"""README and docs: short enough, their links and paths lead somewhere, their numbers are the code's."""

import ast
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "NOTICE.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
PLACE = re.compile(
    r"\b(?:ecoface_model|ecoface_blender|training|tests|tools|benchmarks|scripts|demo)/[\w./-]*\w"
)
PYTHON = re.compile(
    r"(?:python|accelerate launch [^`\n]*) -m ((?:training|ecoface_model|ecoface_blender)[\w.]*)"
)
CODE = re.compile(r"`([A-Z]\w+)(?:\.(\w+))?`")
README_SIZE = 10_000  # bytes


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """The names by which a page's headings are linked to."""
    titles = re.findall(r"^#+ (.+)$", text(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def definitions(*packages: str) -> dict[str, set[str]]:
    """Classes, functions and constants at the top of modules; of classes, what their bodies name."""
    found: dict[str, set[str]] = {}
    for path in (path for package in packages for path in (ROOT / package).rglob("*.py")):
        for node in ast.parse(text(path)).body:
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, set()).update(filter(None, map(_name, node.body)))
            elif name := _name(node):
                found.setdefault(name, set())
    return found


def _name(node: ast.stmt) -> str:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return targets[0].id if isinstance(targets[0], ast.Name) else ""


def test_readme_is_short_enough_to_be_read_to_its_end():
    assert len((ROOT / "README.md").read_bytes()) <= README_SIZE


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page):
    links = [link for link in LINK.findall(text(page)) if "://" not in link]
    for link in links:
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{link} in {page.name}"
        assert not anchor or anchor in anchors(target), f"{link} in {page.name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_and_module_that_a_page_names_is_there(page):
    for place in PLACE.findall(text(page)):
        assert (ROOT / place).exists(), f"{place} in {page.name}"
    for module in PYTHON.findall(text(page)):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), f"{module} in {page.name}"


def test_every_page_can_be_reached_from_readme():
    reached, wanted = set(), {ROOT / "README.md"}
    while wanted:
        page = wanted.pop()
        reached.add(page)
        links = {(page.parent / link.partition("#")[0]).resolve() for link in LINK.findall(text(page))}
        wanted |= {link for link in links if link.suffix == ".md" and link.is_file()} - reached
    assert set(PAGES) <= reached


def test_the_paper_s_equations_lie_where_the_page_says():
    page, found = text(ROOT / "docs" / "paper.md"), definitions("ecoface_model", "training")
    named = CODE.findall(page[page.index("## Equations") : page.index("## Packages")])
    assert len(named) > 15
    for name, part in named:
        assert name in found and (not part or part in found[name]), f"{name}.{part}".strip(".")


def test_the_weights_that_the_page_states_are_the_code_s():
    from training.runs.motion_stage import EmotionLook, LossWeights

    page, weights, look = text(ROOT / "docs" / "paper.md"), LossWeights(), EmotionLook()
    assert f"| {weights.kl} per latent number |" in page
    assert (
        f"velocity x {weights.velocity:.0f} (GeneFace), mouth landmarks on the head x {weights.lips:.0f}"
        in page
    )
    assert weights.closure_gate == weights.phones and f"classifier x {weights.phones}" in page
    assert f"{look.n_frames} frames of {look.n_clips} crops in every fourth step" in page and look.every == 4


def test_architecture_is_up_to_date():
    written = runpy.run_path(str(ROOT / "tools" / "architecture.py"))
    assert text(written["PAGE"]) == written["page"](), "run `python tools/architecture.py`"
