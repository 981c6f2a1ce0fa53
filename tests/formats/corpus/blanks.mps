NAME          BLANKS
ROWS
 N  COST
 L  ROW ONE
COLUMNS
    MY X      COST              1.0   ROW ONE           2.0
    MY Y      COST              1.0   ROW ONE          -1.0
RHS
    RHS       ROW ONE           4.0
BOUNDS
 UP BND       MY X              4.0
ENDATA
