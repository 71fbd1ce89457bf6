"""The function `text`: what a receipt looks like on paper."""

import os


def money(cents, currency):
    return f"{cents // 100}.{cents % 100:02d} {currency}"


def handler(receipt, context):
    currency = receipt["currency"]
    lines = [
        f"{item['count']} x {item['name']}: {money(item['count'] * item['cents'], currency)}"
        for item in receipt["items"]
    ]
    lines.append(f"Total: {money(receipt['cents'], currency)}")
    greeting = os.environ.get("GREETING")
    return {"text": "\n".join(lines + ([greeting] if greeting else []))}
