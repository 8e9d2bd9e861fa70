package pairs

import (
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/emisweb"
	"github.com/linkspan/linkspan/pairs/guru"
)

// EMISWebGuru links EMIS Web and Microtest Guru.
func EMISWebGuru() Pair {
	return Pair{
		Name: "emisweb-guru",
		A:    emisweb.System(),
		B:    guru.System(),
		AtoB: Rules{Kinds: kinds(), Ask: Schemes{Codes: mapping.ReadV2, Drugs: mapping.EMISDrug}},
		BtoA: Rules{Kinds: kinds()},
	}
}
