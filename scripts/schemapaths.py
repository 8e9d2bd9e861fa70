#!/usr/bin/env python3
"""Lists every element and attribute path of an XML schema, one a line, sorted.

usage: schemapaths.py SCHEMA.xsd ROOT > paths.txt

SCHEMA.xsd and what it includes are read; ROOT is the name of the global element
to start from. An attribute stands as "path/@name". A type that is already open on the way
down is entered a second time for its attributes and children and no
further, so a recursive schema gives a finite list. Only names come out: no text,
types or values of the schema.
"""

import os
import sys
import xml.etree.ElementTree as ET

XS = "{http://www.w3.org/2001/XMLSchema}"


class Schema:
    def __init__(self, path):
        self.elements, self.types, self.groups = {}, {}, {}
        self.seen = set()
        self.load(os.path.abspath(path))

    def load(self, path):
        if path in self.seen:
            return
        self.seen.add(path)
        for node in ET.parse(path).getroot():
            if node.tag in (XS + "include", XS + "import"):
                location = node.get("schemaLocation")
                if location:
                    self.load(os.path.join(os.path.dirname(path), location))
            elif node.tag == XS + "element":
                self.elements[node.get("name")] = node
            elif node.tag in (XS + "complexType", XS + "simpleType"):
                self.types[node.get("name")] = node
            elif node.tag in (XS + "group", XS + "attributeGroup"):
                self.groups[node.get("name")] = node


def local(name):
    return name.rpartition(":")[2]


def walk_element(schema, node, prefix, open_types, out):
    if node.get("ref"):
        node = schema.elements[local(node.get("ref"))]
    path = prefix + "/" + node.get("name") if prefix else node.get("name")
    out.add(path)
    named = node.get("type")
    if named is None:
        for child in node:
            walk_content(schema, child, path, open_types, out)
        return
    named = local(named)
    if named not in schema.types:
        return
    if named in open_types:
        if len(open_types) < len(schema.types):  # the second visit, not a third
            walk_content(schema, schema.types[named], path, frozenset(schema.types), out)
        return
    walk_content(schema, schema.types[named], path, open_types | {named}, out)


def walk_content(schema, node, path, open_types, out):
    """Adds what node, a type or a part of one, puts under path."""
    if node.tag == XS + "element":
        walk_element(schema, node, path, open_types, out)
        return
    if node.tag == XS + "attribute":
        if node.get("use") != "prohibited":
            out.add(path + "/@" + local(node.get("name") or node.get("ref")))
        return
    if node.tag in (XS + "group", XS + "attributeGroup") and node.get("ref"):
        node = schema.groups[local(node.get("ref"))]
    if node.tag == XS + "extension":
        base = local(node.get("base"))
        if base in schema.types:
            walk_content(schema, schema.types[base], path, open_types | {base}, out)
    for child in node:
        walk_content(schema, child, path, open_types, out)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    schema = Schema(sys.argv[1])
    out = set()
    walk_element(schema, schema.elements[sys.argv[2]], "", frozenset(), out)
    print("\n".join(sorted(out)))


if __name__ == "__main__":
    main()
