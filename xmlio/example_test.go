package xmlio_test

import (
	"context"
	"fmt"

	"github.com/linkspan/linkspan/xmlio"
)

func ExampleReader() {
	document := []byte(`<record xmlns="urn:example">
		<event id="7"><term>Asthma</term><date>2011</date></event>
		<event id="8"><term>Penicillin <!-- sic -->allergy</term></event>
		<extra><given>no</given></extra>
	</record>`)
	r, err := xmlio.Open(context.Background(), document, xmlio.Options{
		Count: []xmlio.EntryPath{{Path: "record/event"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for name := range r.Children("urn:example") {
		if name != "event" {
			fmt.Printf("not recognised: %s: %s\n", r.Path(), r.Words())
			continue
		}
		id := r.Attr("id")
		for name := range r.Children("urn:example") {
			fmt.Printf("%s %s: %s\n", id, name, r.Text())
		}
	}
	fmt.Println(r.Close(), r.Counts())
	// Output:
	// 7 term: Asthma
	// 7 date: 2011
	// 8 term: Penicillin allergy
	// not recognised: record/extra: given: no
	// <nil> [2]
}

func ExampleWriter() {
	w := xmlio.NewWriter(nil)
	w.Start("event", "id", "7")
	w.Element("value", "< 5", "units", "mmol/L")
	w.Optional("note", "")
	w.End()
	fmt.Println(string(w.Bytes()), w.Err())
	// Output: <event id="7"><value units="mmol/L">&lt; 5</value></event> <nil>
}
