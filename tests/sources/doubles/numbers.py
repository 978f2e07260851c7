"""JSON whose numbers stand as they were written: no double sends 12.3400 as 12.34."""

import json
import re


class Number(str):
    """A number that goes into the JSON as it stands."""

    __slots__ = ()


def raw_json(document: object) -> str:
    numbers: dict[str, str] = {}

    def marked(value: object) -> object:
        if isinstance(value, Number):
            mark = f"@{len(numbers)}@"
            numbers[f'"{mark}"'] = str(value)
            return mark
        if isinstance(value, dict):
            return {name: marked(inner) for name, inner in value.items()}
        return [marked(inner) for inner in value] if isinstance(value, list) else value

    text = json.dumps(marked(document), ensure_ascii=False)
    return re.sub(r'"@\d+@"', lambda match: numbers[match[0]], text)
