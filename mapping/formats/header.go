package formats

import (
	"cmp"
	"strings"

	"github.com/linkspan/linkspan/mapping"
)

// told is what a format says of every file of its kind.
type told struct {
	id, source, licence string
	layer               mapping.Layer
}

func (f Format) told() told {
	const (
		migration = "NHS England TRUD item 9, NHS Data Migration"
		trud      = "the terms of the TRUD release it came from; SNOMED CT identifiers (c) SNOMED International"
		supplier  = "proprietary, the supplier's terms"
	)
	switch f {
	case ReadSNOMED:
		return told{"nhs-readv2-snomed", migration, trud, mapping.NationalLayer}
	case CTV3SNOMED:
		return told{"nhs-ctv3-snomed", migration, trud, mapping.NationalLayer}
	case ReadCTV3:
		return told{"nhs-readv2-ctv3", migration, "the terms of the TRUD release it came from", mapping.NationalLayer}
	case CTV3Read:
		return told{"nhs-ctv3-readv2", migration, "the terms of the TRUD release it came from", mapping.NationalLayer}
	case ReadValues:
		return told{"nhs-readv2-snomed-with-value", migration, trud, mapping.NationalLayer}
	case CTV3Values:
		return told{"nhs-ctv3-snomed-with-value", migration, trud, mapping.NationalLayer}
	case EMISCodes:
		return told{"emisweb", "EMIS Web extract, Coding_ClinicalCode", supplier, mapping.DerivedLayer}
	case TPPRead:
		return told{"systmone", "SystmOne extract, SRCtv3ToVersion2", supplier, mapping.DerivedLayer}
	case TPPSNOMED:
		return told{"systmone", "SystmOne extract, SRCtv3ToSnomed", supplier, mapping.DerivedLayer}
	case DMDHistory:
		return told{"dmd-history", "NHSBSA dm+d, TRUD item 24", "Open Government Licence for dm+d TRUD", mapping.NationalLayer}
	}
	return told{}
}

// layer is that of the file's tables: the option, else what the file says, else what its format is.
func (im *importer) layer() mapping.Layer {
	return cmp.Or(im.o.Layer, im.own.Layer, im.format.told().layer)
}

// fillHeader completes a table's header; what a table must say and nobody said is a fault.
func (im *importer) fillHeader(t *Table, several bool) {
	h, o, format := &t.Header, &im.o, im.format.told()
	own := im.own
	if h.Layer == "" {
		h.Layer = im.layer()
	}
	h.ID = cmp.Or(o.ID, h.ID, own.ID, format.id)
	direction := string(h.From) + "-" + string(h.To)
	switch {
	case h.ID == "":
		h.ID = direction
	case several || im.format == EMISCodes || im.format == TPPRead || im.format == TPPSNOMED:
		h.ID += "-" + direction
	}
	if h.Layer == mapping.DerivedLayer && (format.id != "" || im.format == CodeList) { // beside a national table of its direction
		h.ID += "-derived"
	}
	release := cmp.Or(o.Release, own.SourceRelease, releaseOf(base(im.name)))
	h.Version = cmp.Or(o.Version, h.Version, own.Version, versionOf(release))
	h.Use = cmp.Or(o.Use, h.Use, own.Use)
	h.Licence = cmp.Or(o.Licence, h.Licence, own.Licence, format.licence)
	h.Source = cmp.Or(o.Source, h.Source, own.Source, format.source, base(im.name))
	h.Attribution = cmp.Or(h.Attribution, own.Attribution)
	h.Author = cmp.Or(o.Author, h.Author, own.Author)
	h.ReviewedBy = cmp.Or(h.ReviewedBy, own.ReviewedBy)
	h.InverseReviewed = cmp.Or(h.InverseReviewed, own.InverseReviewed)
	h.ValidFrom = cmp.Or(h.ValidFrom, own.ValidFrom)
	h.Purpose = cmp.Or(h.Purpose, own.Purpose)
	if im.format != LinkspanTable || h.SourceSHA256 == "" { // a table imported before keeps what it was imported from
		h.SourceFile, h.SourceRelease, h.SourceSHA256 = words(base(im.name)), release, im.src.sum()
	}
	for _, text := range []*string{&h.ID, &h.Version, &h.Licence, &h.Source, &h.Attribution, &h.Author, &h.ReviewedBy, &h.SourceRelease} {
		*text = words(*text)
	}
	if h.Version == "" {
		im.fault(0, "no version", "two imports of one table could not be told apart", "state the version or the release of the file")
	}
	if h.Licence == "" {
		im.fault(0, "no licence", "a table says on what terms it may be used", "state the licence")
	}
	if h.Layer == "" {
		im.fault(0, "no layer", "nobody would know which tables it overrules", "state the layer: derived, national, supplier or local")
	}
	if h.Layer == mapping.StarterLayer {
		h.Use = "test"
	}
}

// releaseOf finds the release in a file's name: a day or a time such as 20200401000001, else the last six digits or more
// (dm+d numbers its files so). Letters next to the digits disqualify them: they are part of an id.
func releaseOf(file string) string {
	last := ""
	for _, part := range strings.FieldsFunc(file, func(r rune) bool { return r == '_' || r == '-' || r == '.' || r == ' ' }) {
		if len(part) < 6 || len(part) > 14 || !madeOf(part, "0-9") {
			continue
		}
		if len(part) >= 8 && (strings.HasPrefix(part, "20") || strings.HasPrefix(part, "19")) {
			return part
		}
		last = part
	}
	return last
}

// versionOf writes a release that starts with a day as that day.
func versionOf(release string) string {
	if len(release) >= 8 && madeOf(release, "0-9") && dayNumber(release[:8]) > 0 {
		return release[:4] + "-" + release[4:6] + "-" + release[6:8]
	}
	return release
}
