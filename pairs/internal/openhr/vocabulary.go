package openhr

import "strings"

// vocabulary is one list of the format's vocabulary: "value=words|...". The
// values are the schema's (fields-openhr-vocabulary), the words are ours and
// are what a clinician reads.
type vocabulary string

// word gives the words of a value.
func (v vocabulary) word(value string) (string, bool) {
	for rest, item := string(v), ""; rest != ""; {
		item, rest, _ = strings.Cut(rest, "|")
		if words, is := strings.CutPrefix(item, value); is && strings.HasPrefix(words, "=") {
			return words[1:], true
		}
	}
	return "", false
}

// words is word, or the value itself when it is not in the list.
func (v vocabulary) words(value string) string {
	if words, ok := v.word(value); ok {
		return words
	}
	return value
}

// value finds the value of words.
func (v vocabulary) value(words string) (string, bool) {
	for rest, item := string(v), ""; rest != ""; {
		item, rest, _ = strings.Cut(rest, "|")
		if key, is := strings.CutSuffix(item, words); is && strings.HasSuffix(key, "=") {
			return key[:len(key)-1], true
		}
	}
	return "", false
}

const (
	vocSex          vocabulary = "U=Unknown|M=Male|F=Female|I=Indeterminate"
	vocBool         vocabulary = "true=true|false=false"
	vocAbnormal     vocabulary = "true=Abnormal|false=Not abnormal"
	vocPrivate      vocabulary = "true=Private|false=NHS"
	vocComplete     vocabulary = "true=Complete|false=Not complete"
	vocStatus       vocabulary = "A=Active problem|I=Inactive problem|HP=Health promotion|PP=Potential problem"
	vocSignificance vocabulary = "S=Significant|M=Minor"
	vocOwner        vocabulary = "IND=Individual|FAM=Family|COM=Community"
	vocRelation     vocabulary = "COMB=Combined with|GRP=Grouped under|REP=Replaced by|EVO=Evolved from"
	vocLink         vocabulary = "ASS=Associated|FOL=Follow-on"
	vocEpisodicity  vocabulary = "NONE=None|FIRST=First|NEW=New|REV=Review|FLA=Flare up|END=Ended|CHG=Changed|EVO=Evolved|OUT=Outcome"
	vocPrescription vocabulary = "A=Acute|R=Repeat|D=Repeat dispensed|U=Automatic"
	vocDrugStatus   vocabulary = "A=Active|C=Cancelled (past)|N=Never active"
	vocIssueMethod  vocabulary = "P=Printed|Q=Issued without script|H=Handwritten|O=Outside|D=Dispensed|B=Repeat dispensing|S=Store|A=Automatic|E=Electronic|OTC=Over the counter|OOOH=Outside, out of hours|OH=Outside, hospital"
	vocCancellation vocabulary = "ERR=Prescribing error|CON=Clinical contra-indication|CHG=Change of treatment regime|CLN=Clinical grounds|REQ=At the patient's request|PHARM=At the pharmacist's request|FAIL=Electronic sending failed"
	vocResult       vocabulary = "PR=Provisional|IN=Interim|NA=Not available"
	vocRange        vocabulary = "U=Unqualified|T=Therapeutic interval|X=Toxic interval|R=Recommended interval"
	vocAge          vocabulary = "Y=years|M=months|W=weeks|D=days"
	vocTime         vocabulary = "Y=years|M=months|W=weeks|D=days|H=hours|N=minutes|S=seconds"
	vocText         vocabulary = "POST=|UC=User comment|RC=Report comment|FC=Filing comment|PRE=Text before the code|HEAD=Heading|DI=Drug information|CI=Clinical information|PT=Problem text"
	vocReport       vocabulary = "PATH=Pathology|RAD=Radiology|DIS=Discharge|OUT=Outpatient|OOH=Out of hours|TRI=Triage|SCR=Screening"
	vocRequest      vocabulary = "INV=Investigation|TRT=Treatment|MA=Management advice|PRC=Procedure or operation|PR=Patient reassurance|UNK=Unknown|SELF=Self referral|OUT=Outpatient|ADM=Admission|DAY=Day care|COM=Community care|DOM=Domiciliary visit|ASS=Assessment|ASED=Assessment and education|NBN=New birth notification"
	vocUrgency      vocabulary = "R=Routine|S=Soon|U=Urgent|D=Dated|W=Two week wait"
	vocMode         vocabulary = "E=Electronic|T=Telephone|V=Verbal|W=Written|M=Mediated|C=WCCG|A=Alliance Surgical"
	vocTransport    vocabulary = "N=None required|R=Required|S=Stretcher"
	vocDirection    vocabulary = "IN=Inbound|OUT=Outbound"
	vocReminder     vocabulary = "UNK=Reminder|L=Letter|T=Telephone|FX=Fax|EM=E-mail|SMS=SMS|RHS=Right-hand side|V=Verbal"
	vocLocator      vocabulary = "SF=Server farm|URL=Web address|LOCAL=Local file|NOTAFILE=Not a file|REFERENCE=Placeholder, document not available"
	vocRequestMode  vocabulary = "ONLINE=Online|OFFLINE=Offline"
	vocBatch        vocabulary = "AWAITING_SAMPLE=Awaiting sample|AWAITING_RESULT=Awaiting result|REQUEST_COMPLETE=Request complete"
	vocConsultation vocabulary = "GP=GP consultation|ASS=Assessment|INT=Intervention|TFC=Telephone call from client|TTC=Telephone call to client|TFP=Telephone call from parent or guardian|TTP=Telephone call to parent or guardian|TFO=Telephone call from other|TTO=Telephone call to other|FFC=Face to face with client|FFP=Face to face with parent or guardian|FFO=Face to face with other|OC=Other communication|HV=Home visit"
	vocAddress      vocabulary = "H=home|W=work|TMP=temporary|CAR=carer|SCH=school|L=lived at"
	vocContact      vocabulary = "H=home|W=work|M=mobile|FX=fax|EM=email|VC=video|EMS=second email"
	vocPatientID    vocabulary = "NHS=NHS|ONHS=Old NHS|CHI=CHI|HC=HC|GRO=GRO|UPCI=UPCI|MOD=MOD service|SSH=SSH|INS=Insurance|ARMY=Army|RAF=Royal Air Force|NAVY=Royal Navy|HOSP=Hospital|SSD=SSD|UPN=Unique pupil number|PREV=Previous system"
	vocUserID       vocabulary = "GP=GMC|NAT=Doctor index|PRES=PPD|UKCC=NMC|RSBP=RPSGB|GDC=GDC|REG=Registration|WP=Welsh prescriber|GOC=GOC|Spurious=Spurious|CypherNumber=Cypher"
	vocRegistered   vocabulary = "REG=registered|LEFT=left|DEAD=dead"
	vocSystem       vocabulary = "LV=EMIS LV|GV=EMIS GV|PCS=EMIS PCS|EMISWEB=EMIS Web|EXT=a system outside EMIS|GP2GP=GP2GP"
	vocProperty     vocabulary = "WQ=Walking quarters|WM=Water miles|RM=Rural mileage|RDM=Road mileage|FM=Foot mileage|BSM=Blocked special marker|TPHA=Trading partner HA|RIL=Residential institute|BS=Branch surgery|RA=Records at|FZ=Freeze flag|DISP=Dispensing|MSM=Medication screen message|DQ=Difficult quarters|EED=Exemption expiry date|RD=Review date|RS=Reminder sent|RESS=Resident status|AWN=Automatic week number"
	vocPatientType  vocabulary = "E=EMG|IN=Immediately necessary|PRIV=Private|REG=Regular|TMP=Temporary|COMM=Community registered|DUM=Dummy|OTH=Other|CON=Contraceptive services|MAT=Maternity services|CHS=Child health services|WI=Walk-in patient|MIS=Minor surgery|SEX=Sexual health|PRE=Pre-registration|YEL=Yellow fever|DER=Dermatology|DIA=Diabetic|RHM=Rheumatology|CHR=Chiropody|CHC=Coronary health checks|ULT=Ultrasound|BCG=BCG clinic|VAS=Vasectomy|ACU=Acupuncture|REF=Reflexology|HYP=Hypnotherapy|OOH=Out of hours|RBN=Rehabilitation|ANT=Antenatal|AUD=Audiology|GYN=Gynaecology|DOP=Doppler|SEC=Secondary registration"
	vocPatient      vocabulary = "1=Patient has presented|2=Medical card (FP4) received|3=Application form FP1 submitted|4=Notification of registration|5=Medical record sent by FHSA|6=Record received|7=Left practice, still registered|8=Correctly registered|9=Short stay|10=Long stay|11=Death|12=Dead (practice notification)|13=Record requested by FHSA|14=Removal to new HA/HB|15=Internal transfer|16=Mental hospital|17=Embarkation|18=New HA/HB, same GP|19=Adopted child|20=Services|21=Deduction at GP's request|22=Registration cancelled|23=Service dependant|24=Deduction at patient's request|25=Other reason|26=Returned undelivered|27=Internal transfer, address change|28=Internal transfer within partnership|29=Correspondence states gone away|30=Practice advises outside of area|31=Practice advises patient no longer resident|32=Practice advises removal via screening system|33=Practice advises removal via vaccination data|34=Removal from residential institute|35=Records sent back to FHSA|36=Records received by FHSA|37=Registration expired|38=All records removed|39=Untraced, outwith HB|40=Multiple transfer|41=Intra-consortium transfer|42=District birth|43=Transfer in|44=Transfer out|45=Movement in|46=Movement out|47=Died|48=Still birth|49=Living out, treated in"
)

// operatorWords reads the operators the format is seen to use (E §1.3); the
// schema leaves them open.
func operatorWords(operator string) (string, bool) {
	switch operator {
	case "=":
		return "equal to", true
	case "<":
		return "less than", true
	case "<=":
		return "at most", true
	case ">":
		return "greater than", true
	case ">=":
		return "at least", true
	case "~":
		return "approximately", true
	}
	return "", false
}
