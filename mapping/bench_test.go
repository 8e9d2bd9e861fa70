package mapping

import "testing"

func BenchmarkTranslate(b *testing.B) {
	set := starterSet(b)
	cases := []struct {
		name     string
		code     Code
		to       Scheme
		contexts []Context
	}{
		{"hit", read("22A..", "00"), CTV3, nil},
		{"hit-in-context", read("2469.", "00"), SNOMED, []Context{WithValue, "observation"}},
		{"hit-term-code-not-stated", Code{Scheme: ReadV2, Value: "C10E.", Term: "Type I diabetes mellitus"}, CTV3, nil},
		{"miss", read("A9999", "00"), CTV3, []Context{WithValue, "observation"}},
		{"miss-snomed", Code{Scheme: SNOMED, Value: "1091811000000102"}, CTV3, nil},
		{"enumeration", Code{Scheme: "emisweb.drug-status", Value: "C"}, "systmone.drug-state", []Context{MedicationContext}},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				set.Translate(c.code, c.to, c.contexts...)
			}
		})
	}
}

func BenchmarkStarter(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		starterSet(b)
	}
}
