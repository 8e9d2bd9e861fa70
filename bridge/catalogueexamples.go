package bridge

import (
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go/micro"

	"github.com/linkspan/linkspan/bridge/certs"
	"github.com/linkspan/linkspan/bridge/spine"
	"github.com/linkspan/linkspan/bridge/status"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// What the catalogue's examples have in common: an afternoon of one link.
const (
	exampleInstance = "bridge-a"
	exampleExchange = "0d1f4c1e-6c52-4c0b-9c4e-5a3f1f6b7d20"
	exampleSet      = "9f2c1b7e4d3a58600c1d2e3f405162738495a6b7c8d9eaf0b1c2d3e4f5061728"
	exampleVersion  = "1.0.0"
	exampleID       = "VMKS6MHK2U3QJDZ4Q8M1XE"
	exampleHead     = "yVq1O0m2H0o5E2kqQ0y2m5Qx3mC6m0l1r8k4bq7z2fA="
)

func exampleTime(minute int) time.Time { return time.Date(2026, 11, 23, 14, minute, 5, 0, time.UTC) }

func exampleClaims() spine.Claims {
	return spine.Claims{Exchange: exampleExchange, Attempt: "6f1d9d3a-27ef-4a0e-8a71-3c1f5a9b0e11", User: "hwinterbourne", Role: "R8000", Organisation: "X99001", Target: "X99002",
		Purpose: "direct care", Consent: "patient-present", From: "emisweb", To: "systmone", Deadline: exampleTime(1), Issued: exampleTime(0),
		Link: "example/emisweb-systmone/test", UserName: "Winterbourne, Hazel", Activities: []string{"B0360"}, Device: "desk-4", Relationship: "registered",
		Sources: map[string]string{"consent": "wire"}, Witness: &spine.Witness{Instance: exampleInstance, Seq: 1240, TreeHead: exampleHead}}
}

func exampleSystem(name, title string) status.System {
	return status.System{Name: name, Title: title, Wire: status.WireUp, Since: exampleTime(0), Success: exampleTime(29), Breaker: "closed", Listening: true,
		Intake: status.Intake{Taken: 412, Refused: map[string]uint64{string(record.ReasonBusy): 2}}}
}

func exampleReport() status.Report {
	r := status.Report{Form: status.Form, Economy: "example", Pair: "emisweb-systmone", Environment: EnvironmentTest, Instance: exampleInstance, Version: exampleVersion,
		Roles: []string{RoleExchange, "emisweb", "systmone"}, At: exampleTime(30), Started: exampleTime(0), Level: status.Degraded,
		Why: []string{"a newer set of tables is refused since 2026-11-23T14:20:05Z"}}
	r.Systems = []status.System{exampleSystem("emisweb", "EMIS Web"), exampleSystem("systmone", "SystmOne")}
	refused := exampleTime(20)
	r.Exchanges = &status.Exchanges{PerMinute: 12, Directions: []status.Direction{{From: "emisweb", To: "systmone", Released: 401,
		Refused: map[string]uint64{string(record.ReasonNotFound): 9}, Entries: map[string]uint64{"coded": 31022, "degraded": 840}, Degraded: map[string]uint64{"problems": 12},
		Last: exampleTime(29), Recent: status.Recent{Released: 58, Refused: map[string]uint64{string(record.ReasonNotFound): 1}}}},
		Hops:     []status.Hop{{Name: status.HopExchange, Count: 59, P50: 0.21, P95: 0.44, P99: 0.49, Buckets: []uint64{0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 38, 17, 0, 0, 0, 0, 0, 0, 0}}},
		Unmapped: []status.Unmapped{{Scheme: "read2", Code: "8CB..", Kind: "problem", Count: 7}}}
	r.Tables = &status.Tables{MapSet: exampleSet, Since: exampleTime(0), By: "h.penrose", Day: "2026-11-23", Refused: &refused, Signed: 14, Count: 14}
	r.Audit = &status.Audit{Records: 1240, TreeHead: exampleHead, Checkpoint: exampleTime(29), Verified: exampleTime(0), FreeBytes: 81 << 30}
	r.Certificates = []status.Certificate{{Use: "emisweb", What: "bridge.example", Until: exampleTime(0).AddDate(1, 0, 0)}}
	r.NATS = status.NATS{Connected: true, Embedded: true, Server: "linkspan-bridge-a"}
	r.Process = status.Process{HeapBytes: 18 << 20, Goroutines: 64}
	return r
}

func exampleHealth() status.Health {
	return status.Health{Form: status.HealthForm, Economy: "example", Pair: "emisweb-systmone", Environment: EnvironmentTest, At: exampleTime(30), Level: status.Down,
		Why: []string{"SystmOne does not answer: unavailable"},
		Systems: []status.SystemHealth{{Name: "emisweb", Wire: status.WireUp, Since: exampleTime(0), Breaker: "closed"},
			{Name: "systmone", Wire: status.WireDown, Since: exampleTime(28), Reason: string(record.ReasonUnavailable), Breaker: "open"}},
		Instances: []status.InstanceHealth{{Instance: exampleInstance, Roles: []string{RoleExchange, "emisweb", "systmone"}, Presence: status.Present, Heard: exampleTime(30), Level: status.Down}}}
}

func exampleTablesInUse() TablesInUse {
	return TablesInUse{Instance: exampleInstance, MapSet: exampleSet, Since: exampleTime(0), By: "h.penrose", Day: "2026-11-23"}
}

// exampleEvent is one event of each kind.
func exampleEvent(kind string) any {
	at := exampleTime(30)
	switch kind {
	case "exchange":
		return Outcome{Exchange: exampleExchange, From: "emisweb", To: "systmone", MapSet: exampleSet, BytesIn: 1204, BytesOut: 40211, HolderMicros: 180400, OwnCopyMicros: 22100,
			TranslateMicros: 5400, AuditMicros: 1900, Micros: 214300,
			Report: pairs.Report{Pair: "emisweb-systmone", From: "systmone", To: "emisweb", Message: "response",
				Sections: []pairs.SectionReport{{Section: "problems", State: "ok", Source: 12, Coded: 11, Degraded: 1}},
				Warnings: []pairs.WarningReport{{Code: "unmapped", Section: "problems", Count: 1}},
				Tables:   []pairs.TableReport{{ID: "example-local", Version: "3", SHA256: exampleSet}},
				Unmapped: []pairs.Unmapped{{Scheme: "read2", Code: "8CB..", Kind: "problem", Count: 1}}, BytesIn: 38112, BytesOut: 40211, Micros: 5100}}
	case "breakglass":
		return BreakGlassEvent{Exchange: exampleExchange, At: at, From: "emisweb", To: "systmone", User: "hwinterbourne", Organisation: "X99001", Why: "unconscious"}
	case "access":
		return AccessEvent{System: "emisweb", Kind: "records", User: "hwinterbourne", Organisation: "X99001", Count: 61}
	case "audit":
		return AuditEvent{Instance: exampleInstance, Checkpoint: "linkspan audit bridge-a\n1240\n" + exampleHead + "\n", Verifier: "bridge-a+1c2d3e4f+AZ0c"}
	case "agreement":
		return AgreementEvent{Agreement: exampleSet, Enabled: "emisweb: A; systmone: B"}
	case "certificates":
		return CertificatesEvent{certs.Event{Use: "emisweb", Kind: certs.Expiring, File: "emisweb.pem", What: "bridge.example", Until: at.AddDate(0, 0, 14), Days: 14}}
	case "clock":
		return ClockEvent{Exchange: exampleExchange, From: "emisweb", Issued: exampleTime(20), Received: at}
	case "tables":
		return TablesEvent{Instance: exampleInstance, At: at, State: TablesActive, Reason: reasonChange, Digest: exampleSet, By: "h.penrose", Day: "2026-11-23", Until: "2027-04-01",
			Added: 12, Retargeted: 1, TableCount: 1, Tables: []TableInSet{{ID: "example-local", Version: "3", Layer: "local", From: "read2", To: "ctv3", Rows: 912, Approvals: []string{"cso"}}}}
	case "unmapped":
		return UnmappedEvent{Instance: exampleInstance, Scheme: "read2", Code: "8CB..", Kind: "problem", To: "ctv3"}
	case "wire":
		return WireEvent{Instance: exampleInstance, At: at, System: "systmone", Kind: WireDown, State: "down", Was: "up", Reason: string(record.ReasonUnavailable), Breaker: "closed"}
	case "overload":
		return OverloadEvent{Instance: exampleInstance, At: at, System: "systmone", Where: "queue", Refused: 31}
	case "control":
		return ControlEvent{Instance: exampleInstance, At: at, Verb: "pause", Direction: "emisweb", By: "night desk", Result: "done"}
	}
	return nil
}

func exampleControl() ControlRequest {
	return ControlRequest{By: "night desk", Why: "the practice moves its server tonight", Direction: "emisweb"}
}

func exampleControlAnswer() ControlAnswer {
	return ControlAnswer{Instance: exampleInstance, Verb: ControlPause, Result: "done", Did: "emisweb: requests are refused until resumed or restarted",
		Paused: []string{"emisweb"}, MapSet: exampleSet, Agreement: exampleSet}
}

func exampleIdentity() micro.ServiceIdentity {
	return micro.ServiceIdentity{Name: serviceOperations, ID: exampleID, Version: exampleVersion,
		Metadata: map[string]string{"economy": "example", "environment": EnvironmentTest, "instance": exampleInstance, "pair": "emisweb-systmone", "roles": "exchange emisweb systmone"}}
}

func examplePing() micro.Ping {
	return micro.Ping{ServiceIdentity: exampleIdentity(), Type: micro.PingResponseType}
}

func exampleInfo() micro.Info {
	return micro.Info{ServiceIdentity: exampleIdentity(), Type: micro.InfoResponseType, Description: "how one instance of a linkspan link does, and the link",
		Endpoints: []micro.EndpointInfo{{Name: "health", Subject: "linkspan.example.health", QueueGroup: "health"}}}
}

func exampleStats() micro.Stats {
	data, _ := json.Marshal(spine.Stats{Requests: 410, Answered: 401, Refused: map[record.Reason]uint64{record.ReasonNotFound: 9}, Seconds: 88.1}) // of plain numbers
	identity := exampleIdentity()
	identity.Name = "linkspan"
	return micro.Stats{ServiceIdentity: identity, Type: micro.StatsResponseType, Started: exampleTime(0),
		Endpoints: []*micro.EndpointStats{{Name: "exchange-emisweb", Subject: "linkspan.example.exchange.emisweb", QueueGroup: "exchange", NumRequests: 410,
			ProcessingTime: 1100 * time.Microsecond, AverageProcessingTime: 2700 * time.Nanosecond, Data: data}}}
}
