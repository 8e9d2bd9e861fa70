package formats

import (
	"slices"

	"github.com/linkspan/linkspan/mapping"
)

// element reads one source code and its targets. Names it does not know are passed over.
func (m *mapReader) element(e *fhirElement) error {
	return m.object(func(name string) error {
		switch name {
		case "extension":
			return m.extensions(&e.Extension)
		case "modifierExtension":
			return m.extensions(&e.Modifier)
		case "code":
			return m.text(&e.Code)
		case "display":
			return m.text(&e.Display)
		case "noMap":
			return m.truth(&e.NoMap)
		case "target":
			return m.array(func() error {
				var t fhirTarget
				err := m.target(&t)
				e.Target = append(e.Target, t)
				return err
			})
		}
		return m.skip()
	})
}

func (m *mapReader) target(t *fhirTarget) error {
	return m.object(func(name string) error {
		switch name {
		case "extension":
			return m.extensions(&t.Extension)
		case "modifierExtension":
			return m.extensions(&t.Modifier)
		case "code":
			return m.text(&t.Code)
		case "display":
			return m.text(&t.Display)
		case "equivalence":
			return m.text(&t.Equivalence)
		case "relationship":
			return m.text(&t.Relationship)
		case "comment":
			return m.text(&t.Comment)
		case "dependsOn":
			return m.conditions(&t.DependsOn)
		case "product":
			return m.conditions(&t.Product)
		}
		return m.skip()
	})
}

func (m *mapReader) extensions(into *[]fhirExtension) error {
	return m.array(func() error {
		var e fhirExtension
		err := m.object(func(name string) error {
			switch name {
			case "url":
				return m.text(&e.URL)
			case "valueString":
				return m.text(&e.String)
			case "valueBoolean":
				e.Boolean = new(bool)
				return m.truth(e.Boolean)
			}
			return m.skip()
		})
		*into = append(*into, e)
		return err
	})
}

func (m *mapReader) conditions(into *[]fhirDepends) error {
	return m.array(func() error {
		var c fhirDepends
		err := m.object(func(name string) error {
			switch name {
			case "property":
				return m.text(&c.Property)
			case "attribute":
				return m.text(&c.Attribute)
			case "value":
				return m.text(&c.Value)
			case "valueCode":
				return m.text(&c.Code)
			case "valueString":
				return m.text(&c.String)
			}
			return m.skip()
		})
		*into = append(*into, c)
		return err
	})
}

// take makes the rows of one group.
func (m *mapReader) take(source, target string, elements []placedElement, line int) {
	im := m.im
	from, known := im.scheme(source, im.o.From)
	to, knownTo := im.scheme(target, im.o.To)
	if !known || !knownTo || from == "" || to == "" {
		im.noteMany(line, "elements of a group whose system is none Linkspan knows", len(elements))
		return
	}
	for i := range elements {
		e := &elements[i]
		if len(e.Modifier) > 0 {
			im.note(e.line, "left out: a modifierExtension, whose meaning nobody here knows")
			continue
		}
		code := inside(from, e.Code, extension(e.Extension, extTermCode), e.Display)
		if e.NoMap {
			im.addOutside(code, mapping.Row{Relation: mapping.NoMap, Reason: "the source says there is no map", Line: e.line}, to)
			continue
		}
		if len(e.Target) == 0 {
			im.note(e.line, "left out: an element without a target, which decides nothing")
		}
		for j := range e.Target {
			m.takeTarget(code, to, &e.Target[j], e.line)
		}
	}
}

func (m *mapReader) takeTarget(source mapping.Code, to mapping.Scheme, t *fhirTarget, line int) {
	im := m.im
	relation, ok := t.relation()
	context, plain := contextOf(t.DependsOn)
	switch {
	case !ok:
		im.note(line, "left out: a relation Linkspan does not know")
		return
	case len(t.Modifier) > 0:
		im.note(line, "left out: a modifierExtension, whose meaning nobody here knows")
		return
	case !plain:
		im.note(line, "left out: it depends on something Linkspan cannot tell (dependsOn)")
		return
	case len(t.Product) > 0:
		im.note(line, "left out: it has further outputs (product)")
		return
	}
	row := mapping.Row{Relation: relation, Context: context, Reason: t.Comment, Line: line, Reviewer: extension(t.Extension, extReviewer),
		ValidFrom: extension(t.Extension, extValidFrom), ValidTo: extension(t.Extension, extValidTo)}
	if row.Reason == noComment {
		row.Reason = ""
	}
	row.Assured = slices.ContainsFunc(t.Extension, func(e fhirExtension) bool { return e.URL == extAssured && e.Boolean != nil && *e.Boolean })
	if relation != mapping.NoMap {
		row.Target = inside(to, t.Code, extension(t.Extension, extTermCode), t.Display)
	} else if row.Reason == "" {
		row.Reason = "the source says there is no map"
	}
	im.addOutside(source, row, to)
}

// contextOf reads a context of ours; any other condition is not plain.
func contextOf(conditions []fhirDepends) (mapping.Context, bool) {
	switch {
	case len(conditions) == 0:
		return mapping.Any, true
	case len(conditions) > 1 || conditions[0].Property != propContext && conditions[0].Attribute != propContext:
		return "", false
	}
	c := conditions[0]
	return contextNamed(c.Value + c.Code + c.String)
}
