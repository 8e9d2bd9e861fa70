// Package formats reads mapping tables as national bodies, suppliers and other tools publish them, and writes ours for
// other tools. It yields headers and rows for mapping.Write; it approves nothing, activates nothing, and holds no
// dictionary. A file is recognised by its content (Sniff), read once from the first byte to the last, hashed as it
// passes, and every size has a limit.
//
// # What holds for every format
//
// A row whose code fails its scheme is left out and noted with its line; when more than one row of a hundred is so (of ten
// in a supplier's list of codes) and more than ten are, or one identifier stands in scientific notation, the file is
// refused: it was damaged, and damage that does not show is worse than damage that does. A row whose two terms differ in
// class of context is left out, as mapping.Parse would refuse it; a term that lost a character on its way is no term. A
// Read v2 code without a term code becomes that of the preferred term, 00: the row then answers for no synonym. Codes that
// start with Y in a CTV3 column are local to SystmOne, not CTV3: SystmOne's own extract gives them a table of scheme tpp,
// elsewhere they are left out.
//
// Where a format ranks its rows, its own rule chooses. Where several rows of one key remain and the source does not
// choose: the only equivalent target is taken; else a national map gives an explicit no-map row (so that no lower layer
// answers what the nation left open), and any other file gives no row (so that a table of another layer may answer).
//
// No source file states a degree of equivalence unless it says so in a column. A row of a national or supplier map is
// therefore related-to: the map's assurance lets it code (DESIGN decision 3), never our guess at its degree, and for
// allergies and drugs, where only equivalent codes, it does not.
//
// # NHS Data Migration (TRUD item 9; terminology §1.1, §1.2): tab-separated, one header row, any case
//
//   - rcsctmap2 (Read v2 to SNOMED CT): MapId ReadCode TermCode ConceptId DescriptionId IS_ASSURED EffectiveDate MapStatus.
//   - ctv3sctmap2 (CTV3 to SNOMED CT): MAPID CTV3_CONCEPTID CTV3_TERMID CTV3_TERMTYPE SCT_CONCEPTID SCT_DESCRIPTIONID
//     MAPSTATUS EFFECTIVEDATE IS_ASSURED. The target _DRUG becomes a no-map row.
//   - rctctv3map (Read v2 to CTV3): MAPID V2_CONCEPTID V2_TERMID .. CTV3_CONCEPTID .. MAPSTATUS EFFECTIVEDATE IS_ASSURED.
//     The target's term id is not kept: SystmOne's messages have no place for it, and two terms of one concept would look
//     like two targets.
//   - ctv3rctmap (CTV3 to Read v2, a table of its own, not the inverse): MAPID CTV3_CONCEPTID CTV3_TERMID .. V2_CONCEPTID
//     V2_TERMID .. MAPSTATUS EFFECTIVEDATE ISASSURED. The target _NONE becomes a no-map row.
//
// The choice, in this order: of the rows of one MAPID only the newest EFFECTIVEDATE counts (of one day, the dead one);
// then status 0 is dead and left out; then for each source term an active row goes before one marked ambiguous (2 and 3),
// an assured one before one that is not, a newer one before an older. Where active rows of one standing and day still
// name different targets, or where only ambiguous ones are left, the row is no-map with that reason. The chosen row's
// IS_ASSURED is its assurance. If the chosen row's target is no code, the term has no row: a lower choice is not taken.
// A line that cannot be read refuses the file, for it may be the one that ends another map.
//
// CTV3 rows keep the term id as term code. SystmOne's messages state none, so each concept gets one more row without a
// term id where every one of its terms has a living map and all of them one target (DESIGN decision 2); it is assured as
// the preferred term's row is (CTV3_TERMTYPE P), or as all are.
//
//   - codesWithValues_AlternateMaps_READ2 and _CTV3: code termcode conceptId descriptionId use. Rows with use Y, in the
//     context with-value; a CTV3 concept has a row of its own where all its terms listed are for use, with one target. The two have one header: the length of the term codes tells them apart, else the name. No column
//     says assured; the pack's folder "Clinically Assured" does, in the path or by Options.Assured. Without it the rows
//     are not assured, and entries with a value are then carried in words.
//
// # Suppliers (terminology §1.4): comma-separated with quotes, or tabs; layer derived, not assured
//
//   - EMIS Coding_ClinicalCode: CodeId Term ReadTermId SnomedCTConceptId. ReadTermId is read as EMIS spells codes; Read
//     codes and EMIS's local ones give two tables. A concept of a supplier's own namespace is no target: no-map for a
//     local code, no row for a Read code.
//   - EMIS Coding_DrugCode: CodeId Term DmdProductCodeId. CodeId is a number local to EMIS, no code of a scheme; refused
//     as a table, it is a dictionary.
//   - TPP SRCtv3ToVersion2 and SRCtv3ToSnomed: RowIdentifier Ctv3Code Version2Code or SnomedCode, RemovedData. Removed rows
//     are out; of one RowIdentifier the last row counts. CTV3 and SystmOne's local codes give two tables.
//
// Such a row never codes: it states no degree. It shows a reviewer what the supplier files beside the code, where no other
// table has a row. In the layer supplier it would hide the assured national row of its key, and a code that the nation
// carries would come over in words; so these tables are derived, below all others. A site may still state another layer.
// A row somebody has judged belongs, with its degree, in a table of layer supplier or local.
//
// # dm+d (terminology §1.5): XML, streamed
//
// f_history1 (IDPREVIOUS IDCURRENT), f_vmp2 (VPID VPIDPREV), f_vtm2 (VTMID VTMIDPREV): a table dmd to dmd with purpose
// history, equivalent. Chains lead to their end (a, b, c gives a to c and b to c); a circle is a fault; an identifier that
// several claim to follow, or that is still current in the same file, has no row. The three files give tables of their own
// ids, so that a site may load all. No DOCTYPE and no entities.
//
// # Others
//
//   - Our own table: checked by mapping.Parse, written again in its one form; options fill what its header does not say.
//   - Code list: source_system source_code source_term target_system target_code target_term relationship origin, a table
//     for each direction; origins "derived:.." go into a derived one, ":assured=1" is assured.
//   - FHIR ConceptMap in JSON, R4 and R5, in and out (out: R4). R4's wider says that the target is wider, so the source is
//     narrower. A context is a dependsOn of ours; any other dependsOn, product or modifierExtension leaves its row out: a
//     condition is never dropped. unmatched, disjoint, not-related-to and noMap are no-map. Rules for unmapped codes are
//     not taken over. A retired map is refused, a draft is marked use: test unless the options say otherwise.
//   - SSSOM as TSV, in and out. exactMatch, broadMatch (the source is narrower), narrowMatch, relatedMatch and closeMatch;
//     sssom:NoTermFound is no-map; a negated row is left out; what no person is said to have judged (a lexical match, one
//     unspecified) comes in as related-to. Of the YAML header single values and curie_map are read.
package formats
