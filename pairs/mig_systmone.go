package pairs

import (
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/mig"
	"github.com/linkspan/linkspan/pairs/systmone"
)

// MIGSystmOne links the MIG and SystmOne.
func MIGSystmOne() Pair {
	return Pair{
		Name: "mig-systmone",
		A:    mig.System(),
		B:    systmone.System(),
		AtoB: Rules{Kinds: kinds(), Unasked: Schemes{Codes: mapping.CTV3}},
		BtoA: Rules{Kinds: kinds(), Ask: Schemes{Codes: mapping.CTV3, Drugs: mapping.DMD}},
	}
}
