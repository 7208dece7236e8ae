# SPDX-License-Identifier: Apache-2.0
"""A made-up list of contacts with everything that real ones have."""

import csv
import io

GIVEN = ["Anne-Sophie", "Jürgen", "Siti", "José", "Žofia", "Nguyễn", "Ólafur", "Renée",
         "\"Bill\"", "Maria, the elder", "李", "Σοφία", "O'Neil", "Bjørn", "Çağla", ""]
FAMILY = ["Müller", "Łukasiewicz", "Pratama", "García-Márquez", "Smith, Jr.", "Øster", "Ωmega",
          "d'Été", "Nowak", "王"]
OUTLETS = ["The Daily", "Radio \"Eins\"", "Le Soir, édition du soir", "Kompas", "Straße & Co",
           "<b>News</b>", "Tempo"]
DOMAINS = ["example.org", "example.com", "bücher.example", "xn--bcher-kva.example",
           "press.example.net", "éditions.example"]


def contacts(count):
    """count distinct contacts as dictionaries."""
    return [{"email": f"reader{i}@{DOMAINS[i % len(DOMAINS)]}",
             "first_name": GIVEN[i % len(GIVEN)],
             "last_name": FAMILY[i % len(FAMILY)],
             "outlet": OUTLETS[i % len(OUTLETS)]} for i in range(count)]


def as_csv(rows, delimiter=","):
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
