package formats_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/linkspan/linkspan/mapping/formats"
)

// A national map comes with its history; only what lives of it becomes a row.
func ExampleRead() {
	file := strings.Join([]string{
		"MapId\tReadCode\tTermCode\tConceptId\tDescriptionId\tIS_ASSURED\tEffectiveDate\tMapStatus",
		"1\tG20..\t00\t38341003\t\t1\t20100401\t1",
		"1\tG20..\t00\t59621000\t\t1\t20180401\t1",
		"2\tH33..\t00\t195967001\t\t1\t20180401\t0",
	}, "\r\n")
	im, faults := formats.Read(context.Background(), strings.NewReader(file), "rcsctmap2_uk_20200401000001.txt", formats.Options{Author: "A. Importer"})
	for _, fault := range faults {
		fmt.Println(fault.Error())
	}
	for _, table := range im.Tables {
		fmt.Println(im.Format, table.Header.ID, table.Header.Version, table.Header.Layer)
		for _, row := range table.Rows {
			fmt.Println(row.Source.Value, row.Source.TermCode, row.Target.Value, row.Relation, row.Assured)
		}
	}
	for _, note := range im.Notes {
		fmt.Println(note.Count, note.What)
	}
	// Output:
	// rcsctmap2 nhs-readv2-snomed 2020-04-01 national
	// G20.. 00 59621000 related-to true
	// 1 superseded rows: another row of the MAPID is newer
	// 1 dead maps: the newest row of the MAPID is inactive
}
