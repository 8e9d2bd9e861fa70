package pairs

import (
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/emisweb"
	"github.com/linkspan/linkspan/pairs/systmone"
)

// EMISWebSystmOne links EMIS Web and TPP SystmOne, as the direct link of
// 2015-17 did.
func EMISWebSystmOne() Pair {
	return Pair{
		Name: "emisweb-systmone",
		A:    emisweb.System(),
		B:    systmone.System(),
		AtoB: Rules{Kinds: kinds(), Ask: Schemes{Codes: mapping.ReadV2, Drugs: mapping.EMISDrug}, Unasked: Schemes{Codes: mapping.CTV3}},
		BtoA: Rules{Kinds: kinds(), Ask: Schemes{Codes: mapping.CTV3, Drugs: mapping.DMD}},
	}
}
