"""Makes docs/films.webp and docs/films.md: the films at the top of the README, and what was asked for each.

    python runs/readme_films.py

Every film has the seed that its place in the list gives it; none is left out and none is made twice.
"""

from pathlib import Path

import numpy as np

import kinema
from kinema.clip import Clip

PROMPTS = (
    "a red dog jumps in a snowy forest at night",
    "two boats on the ocean at sunset",
    "a rocket rises over the moon",
    "a blue elephant walks to the left in the city",
    "an octopus grows bigger underwater",
    "a yellow car drives to the right in the desert, the camera follows",
    "a purple balloon rises above the clouds at sunset",
    "a snowman spins around in the mountains at night",
)
ACROSS = 4
DOCS = Path(__file__).parent.parent / "docs"


def main() -> None:
    """Makes the films one by one and writes them as one grid."""
    films = [kinema.generate(prompt, seed=seed) for seed, prompt in enumerate(PROMPTS)]
    rows = [films[start : start + ACROSS] for start in range(0, len(films), ACROSS)]
    grid = np.concatenate([np.concatenate([film.clip.frames for film in row], axis=2) for row in rows], axis=1)
    Clip(grid, films[0].clip.fps).write(DOCS / "films.webp")
    lines = [f"{seed}. {film.recipe.prompt} — *{film.recipe.rewritten_prompt}*" for seed, film in enumerate(films)]
    title = ["# The films of the README", "", "Seed, what was asked, and *what the model was given*.", ""]
    (DOCS / "films.md").write_text("\n".join([*title, *lines]) + "\n")


if __name__ == "__main__":
    main()
