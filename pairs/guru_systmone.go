package pairs

import (
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/guru"
	"github.com/linkspan/linkspan/pairs/systmone"
)

// GuruSystmOne links Microtest Guru and SystmOne.
func GuruSystmOne() Pair {
	return Pair{
		Name: "guru-systmone",
		A:    guru.System(),
		B:    systmone.System(),
		AtoB: Rules{Kinds: kinds(), Unasked: Schemes{Codes: mapping.CTV3}},
		BtoA: Rules{Kinds: kinds(), Ask: Schemes{Codes: mapping.CTV3, Drugs: mapping.DMD}},
	}
}
