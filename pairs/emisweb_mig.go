package pairs

import (
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/emisweb"
	"github.com/linkspan/linkspan/pairs/mig"
)

// EMISWebMIG links EMIS Web and the MIG, whose OpenHR is EMIS's own: every code
// stands as it is.
func EMISWebMIG() Pair {
	return Pair{
		Name: "emisweb-mig",
		A:    emisweb.System(),
		B:    mig.System(),
		AtoB: Rules{Kinds: kinds(), Ask: Schemes{Codes: mapping.ReadV2, Drugs: mapping.EMISDrug}},
		BtoA: Rules{Kinds: kinds()},
	}
}
