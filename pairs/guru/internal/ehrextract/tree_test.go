package ehrextract

import (
	"encoding/xml"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

// node is an element as another reader of XML finds it.
type node struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Nodes   []node     `xml:",any"`
	Text    string     `xml:",chardata"`
}

// all are the elements of a name below n, in document order.
func (n node) all(name string) []node {
	var found []node
	for _, c := range n.Nodes {
		if c.XMLName.Local == name {
			found = append(found, c)
		}
		found = append(found, c.all(name)...)
	}
	return found
}

// one is the only element of a name below n.
func (n node) one(t testing.TB, name string) node {
	t.Helper()
	found := n.all(name)
	require.Len(t, found, 1, name)
	return found[0]
}

func (n node) child(t testing.TB, name string) node {
	t.Helper()
	var found []node
	for _, c := range n.Nodes {
		if c.XMLName.Local == name {
			found = append(found, c)
		}
	}
	require.Len(t, found, 1, name)
	return found[0]
}

func (n node) attr(name string) string {
	for _, a := range n.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// texts are the texts of the elements of a name below n.
func (n node) texts(name string) []string {
	var all []string
	for _, c := range n.all(name) {
		all = append(all, c.Text)
	}
	return all
}

// recordOf makes a record of entries that are exact unless they say otherwise.
func recordOf(entries ...*record.Entry) *record.Record {
	rec := record.New(record.Source{System: "SystmOne", ODS: "X99002", Organisation: "Harbour Lights Surgery"})
	rec.Patient.ID = "p"
	for _, e := range entries {
		if e.Outcome == record.Pending {
			e.Outcome = record.Exact
		}
		rec.Add(e)
	}
	return rec
}

// extractOf writes entries and gives what stands behind the bridge's own
// composition. Every document is checked against the schema, and its entries
// are counted.
func extractOf(t testing.TB, entries ...*record.Entry) node {
	t.Helper()
	rec := recordOf(entries...)
	rec.Settle(record.AllSections)
	doc, err := encode(rec, []string{"View only. Not part of your record."})
	require.NoError(t, err)
	requireValid(t, doc)
	require.NoError(t, rec.Sent(elements(doc)))
	var root node
	require.NoError(t, xml.Unmarshal(doc, &root))
	folder := root.one(t, "ehrFolder")
	for i, c := range folder.Nodes {
		if c.XMLName.Local == "component" {
			folder.Nodes = append(folder.Nodes[:i:i], folder.Nodes[i+1:]...)
			return folder
		}
	}
	require.Fail(t, "no composition")
	return node{}
}
