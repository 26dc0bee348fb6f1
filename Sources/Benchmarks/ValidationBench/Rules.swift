import Validation

/// Every type, ranges, enumerations, two comparisons between columns, and a reference; the key by choice.
func lineitem(withKey: Bool) -> RuleSet {
    RuleSet("lineitem") {
        Column("l_orderkey", .integer).required().min(1)
        Column("l_partkey", .integer).required().min(1)
        Column("l_suppkey", .integer).required().references("s_suppkey", of: "supplier.csv")
        Column("l_linenumber", .integer).required().range(1...7)
        Column("l_quantity", .decimal).required().range(1...50)
        Column("l_extendedprice", .decimal).required().above(0)
        Column("l_discount", .decimal).required().min("0.00").max("0.10")
        Column("l_tax", .decimal).required().min("0.00").max("0.08")
        Column("l_returnflag").required().oneOf("A", "N", "R")
        Column("l_linestatus").required().oneOf("F", "O")
        Column("l_shipdate", .date).required().min("1992-01-01").max("1998-12-31")
        Column("l_commitdate", .date).required().min("1992-01-01").max("1998-12-31")
        Column("l_receiptdate", .date).required().min("1992-01-01").max("1998-12-31")
        Column("l_shipinstruct").required().oneOf("COLLECT COD", "DELIVER IN PERSON", "NONE", "TAKE BACK RETURN")
        Column("l_shipmode").required().oneOf("AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK")
        Column("l_comment").required().maxLength(44)
        Compare("l_shipdate", .lessThan, "l_receiptdate")
        Compare("l_discount", .lessThan, "l_quantity")
        if withKey { UniqueKey("l_orderkey", "l_linenumber") }
    }
}

/// Real data with its missing values and faults: 7,602 of the year's flights go to airports that airports.csv lacks.
let flights = RuleSet("flights", missing: ["NA", ""]) {
    Column("year", .integer).required().range(2013...2013)
    Column("month", .integer).required().range(1...12)
    Column("day", .integer).required().range(1...31)
    Column("dep_time", .integer).range(1...2400)
    Column("sched_dep_time", .integer).required().range(0...2359)
    Column("dep_delay", .integer).min(-60)
    Column("arr_time", .integer).range(1...2400)
    Column("sched_arr_time", .integer).required().range(0...2359)
    Column("arr_delay", .integer)
    Column("carrier", .string).required().length(2).references("carrier", of: "airlines.csv")
    Column("flight", .integer).required().min(1)
    Column("tailnum", .string).pattern("[A-Z0-9]{5,6}")
    Column("origin", .string).required().oneOf("EWR", "JFK", "LGA")
    Column("dest", .string).required().references("faa", of: "airports.csv")
    Column("air_time", .integer).range(1...1440)
    Column("distance", .integer).required().min(1)
    Column("hour", .integer).required().range(0...23)
    Column("minute", .integer).required().range(0...59)
    Column("time_hour", .datetime).required()
    Compare("air_time", .lessThan, "distance")
    Compare("hour", .lessThanOrEqual, "sched_dep_time")
}

extension RuleSet {
    /// What the rules refer to, read once.
    func references(_ read: (Reference) throws -> ReferenceColumns) throws -> [Reference: ReferenceColumns] {
        var all: [Reference: ReferenceColumns] = [:]
        for reference in try Validator(self).references { all[reference] = try read(reference) }
        return all
    }
}
