"""Reads .mps and .lp files with HiGHS, solves them, and writes them again as HiGHS does; a line of JSON for each."""
import json
import os
import sys

import highspy

folder = sys.argv[1]
for path in sys.argv[2:]:
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    read = highs.readModel(path)
    highs.run()
    lp = highs.getLp()
    solution = highs.getSolution()
    stem, ending = os.path.splitext(os.path.basename(path))
    written = os.path.join(folder, f"{stem}_highs{ending}")
    highs.writeModel(written)
    print(json.dumps({
        "file": path,
        "read": str(read),
        "status": highs.modelStatusToString(highs.getModelStatus()),
        "objective": highs.getObjectiveValue(),
        "columns": list(lp.col_names_),
        "rows": list(lp.row_names_),
        "values": list(solution.col_value),
        "duals": list(solution.row_dual),
        "written": written,
    }))
