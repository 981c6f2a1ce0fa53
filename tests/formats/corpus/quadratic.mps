NAME quadratic
OBJSENSE MAX
ROWS
 N obj
 G c1
 L q1
COLUMNS
 MARKER MARKER INTORG
 k obj 1 c1 1
 MARKER MARKER INTEND
 x obj 2 c1 1
 x q1 1
 y[1,a] obj -1 c1 1
RHS
 RHS c1 1 obj 5
 RHS q1 9
BOUNDS
 FR BND x
 UP BND k 7
QUADOBJ
 x x -2
 x y[1,a] 1
 y[1,a] y[1,a] -4
QCMATRIX q1
 x x 1
 x y[1,a] 0.5
 y[1,a] x 0.5
ENDATA
