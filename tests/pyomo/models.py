"""Models in the style of Pyomo's own examples. `MODELS` has a row for each: a function that builds it, the optimal value
where it is known by hand, and whether its multipliers are unique, so that duals can be compared."""

from math import pi, sqrt

import pyomo.environ as pyo

MODELS = []


def model(value=None, duals=True, linear=False):
    def add(build):
        MODELS.append((build, value, duals, linear))
        return build

    return add


@model(value=153.675, linear=True)
def transportation():
    m = pyo.ConcreteModel()
    supply = {"seattle": 350, "san-diego": 600}
    demand = {"new-york": 325, "chicago": 300, "topeka": 275}
    miles = {
        ("seattle", "new-york"): 2.5, ("seattle", "chicago"): 1.7, ("seattle", "topeka"): 1.8,
        ("san-diego", "new-york"): 2.5, ("san-diego", "chicago"): 1.8, ("san-diego", "topeka"): 1.4,
    }
    m.ship = pyo.Var(list(miles), domain=pyo.NonNegativeReals)
    m.cost = pyo.Objective(expr=sum(0.09 * miles[k] * m.ship[k] for k in miles))
    m.supply = pyo.Constraint(list(supply), rule=lambda m, i: sum(m.ship[i, j] for j in demand) <= supply[i])
    m.demand = pyo.Constraint(list(demand), rule=lambda m, j: sum(m.ship[i, j] for i in supply) >= demand[j])
    return m


@model(linear=True)
def diet():
    foods = {  # cost, calories, protein, calcium
        "bread": (2.0, 90, 4, 15), "milk": (3.5, 120, 8, 285), "cheese": (8.0, 106, 7, 200),
        "potato": (1.5, 97, 1.3, 13), "fish": (11.0, 130, 8, 40), "yogurt": (1.0, 180, 9, 310),
    }
    needs = {"calories": (1, 1500, 2500), "protein": (2, 70, None), "calcium": (3, 800, 1600)}
    m = pyo.ConcreteModel()
    m.buy = pyo.Var(list(foods), bounds=(0, 6))
    m.cost = pyo.Objective(expr=sum(foods[f][0] * m.buy[f] for f in foods))

    def nutrient(m, n):
        k, low, high = needs[n]
        return pyo.inequality(low, sum(foods[f][k] * m.buy[f] for f in foods), high)

    m.nutrient = pyo.Constraint(list(needs), rule=nutrient)
    return m


@model(linear=True)
def knapsack_relaxation():
    value, weight = [8, 3, 6, 11, 5, 9], [5, 7, 4, 3, 8, 6]
    m = pyo.ConcreteModel()
    m.take = pyo.Var(range(6), bounds=(0, 1))
    m.value = pyo.Objective(expr=sum(value[i] * m.take[i] for i in range(6)), sense=pyo.maximize)
    m.weight = pyo.Constraint(expr=sum(weight[i] * m.take[i] for i in range(6)) <= 14)
    return m


@model(value=0)
def rosenbrock():
    m = pyo.ConcreteModel()
    m.x = pyo.Var(range(1, 11), initialize=-1.2)
    m.f = pyo.Objective(expr=sum(100 * (m.x[i + 1] - m.x[i] ** 2) ** 2 + (1 - m.x[i]) ** 2 for i in range(1, 10)))
    return m


@model(value=17.0140172891563)
def hs071():
    m = pyo.ConcreteModel()
    m.x = pyo.Var(range(1, 5), bounds=(1, 5), initialize={1: 1, 2: 5, 3: 5, 4: 1})
    m.f = pyo.Objective(expr=m.x[1] * m.x[4] * (m.x[1] + m.x[2] + m.x[3]) + m.x[3])
    m.product = pyo.Constraint(expr=m.x[1] * m.x[2] * m.x[3] * m.x[4] >= 25)
    m.norm = pyo.Constraint(expr=sum(m.x[i] ** 2 for i in range(1, 5)) == 40)
    return m


@model()
def portfolio():
    mean = [0.12, 0.10, 0.07, 0.03]
    covariance = [[0.10, 0.02, 0.01, 0], [0.02, 0.08, 0.01, 0], [0.01, 0.01, 0.04, 0], [0, 0, 0, 0.001]]
    m = pyo.ConcreteModel()
    m.x = pyo.Var(range(4), bounds=(0, 1), initialize=0.25)
    m.risk = pyo.Objective(expr=sum(covariance[i][j] * m.x[i] * m.x[j] for i in range(4) for j in range(4)))
    m.all = pyo.Constraint(expr=sum(m.x[i] for i in range(4)) == 1)
    m.gain = pyo.Constraint(expr=sum(mean[i] * m.x[i] for i in range(4)) >= 0.08)
    return m


@model()
def collocation():
    """dx/dt = -x^2 + u over orthogonal collocation points, with the cost of control."""
    n, h = 20, 1 / 20
    points = {1: 0.155051, 2: 0.644949, 3: 1.0}
    lagrange = {  # derivative of the basis at the points
        (0, 1): -4.139387, (1, 1): 3.224745, (2, 1): 1.167840, (3, 1): -0.253197,
        (0, 2): 1.739387, (1, 2): -3.567840, (2, 2): 0.775255, (3, 2): 1.053197,
        (0, 3): -3.0, (1, 3): 5.531973, (2, 3): -7.531973, (3, 3): 5.0,
    }
    m = pyo.ConcreteModel()
    m.x = pyo.Var(range(n), range(4), initialize=1)
    m.u = pyo.Var(range(n), bounds=(-1, 1), initialize=0)
    m.start = pyo.Constraint(expr=m.x[0, 0] == 1)
    m.joined = pyo.Constraint(range(1, n), rule=lambda m, i: m.x[i, 0] == m.x[i - 1, 3])
    m.slope = pyo.Constraint(
        range(n), range(1, 4),
        rule=lambda m, i, k: sum(lagrange[j, k] * m.x[i, j] for j in range(4)) == h * (m.u[i] - m.x[i, k] ** 2),
    )
    m.cost = pyo.Objective(expr=h * sum((m.x[i, k] - 0.7) ** 2 + 0.1 * m.u[i] ** 2 for i in range(n) for k in points))
    return m


@model(value=400, duals=False)
def pooling():
    """Haverly's first pooling problem."""
    m = pyo.ConcreteModel()
    m.a, m.b = pyo.Var(bounds=(0, 300), initialize=0), pyo.Var(bounds=(0, 300), initialize=100)
    m.px, m.py = pyo.Var(bounds=(0, 100), initialize=0), pyo.Var(bounds=(0, 200), initialize=100)
    m.cx, m.cy = pyo.Var(bounds=(0, 100), initialize=0), pyo.Var(bounds=(0, 200), initialize=100)
    m.q = pyo.Var(bounds=(1, 3), initialize=1)
    m.profit = pyo.Objective(
        expr=9 * (m.px + m.cx) + 15 * (m.py + m.cy) - 6 * m.a - 16 * m.b - 10 * (m.cx + m.cy), sense=pyo.maximize
    )
    m.flow = pyo.Constraint(expr=m.a + m.b == m.px + m.py)
    m.sulfur = pyo.Constraint(expr=3 * m.a + m.b == m.q * (m.px + m.py))
    m.x_sulfur = pyo.Constraint(expr=m.q * m.px + 2 * m.cx <= 2.5 * (m.px + m.cx))
    m.y_sulfur = pyo.Constraint(expr=m.q * m.py + 2 * m.cy <= 1.5 * (m.py + m.cy))
    m.x_demand = pyo.Constraint(expr=m.px + m.cx <= 100)
    m.y_demand = pyo.Constraint(expr=m.py + m.cy <= 200)
    return m


@model(linear=True)
def production():
    demand, capacity = [30, 50, 40, 70, 20, 60], 48
    m = pyo.ConcreteModel()
    m.make = pyo.Var(range(6), bounds=(0, capacity))
    m.stock = pyo.Var(range(6), domain=pyo.NonNegativeReals)
    m.cost = pyo.Objective(expr=sum((3 + 0.17 * t) * m.make[t] + 0.4 * m.stock[t] for t in range(6)))
    before = lambda m, t: m.stock[t - 1] if t > 0 else 10
    m.balance = pyo.Constraint(range(6), rule=lambda m, t: before(m, t) + m.make[t] == demand[t] + m.stock[t])
    return m


@model(linear=True, duals=False)
def p_median_relaxation():
    m = pyo.ConcreteModel()
    n, place = 6, [(0, 0), (1, 3), (4, 1), (5, 5), (2, 2), (6, 0)]
    away = lambda i, j: abs(place[i][0] - place[j][0]) + abs(place[i][1] - place[j][1]) + 0.01 * i
    m.x = pyo.Var(range(n), range(n), bounds=(0, 1))
    m.y = pyo.Var(range(n), bounds=(0, 1))
    m.cost = pyo.Objective(expr=sum(away(i, j) * m.x[i, j] for i in range(n) for j in range(n)))
    m.served = pyo.Constraint(range(n), rule=lambda m, j: sum(m.x[i, j] for i in range(n)) == 1)
    m.open = pyo.Constraint(range(n), range(n), rule=lambda m, i, j: m.x[i, j] <= m.y[i])
    m.count = pyo.Constraint(expr=sum(m.y[i] for i in range(n)) == 2)
    return m


@model(linear=True)
def network_flow():
    arcs = {("s", "a"): (2.0, 4), ("s", "b"): (4.1, 5), ("a", "b"): (1.3, 3), ("a", "t"): (7.2, 6), ("b", "t"): (3.0, 6)}
    net = {"s": 6.5, "a": 0, "b": 0}
    m = pyo.ConcreteModel()
    m.flow = pyo.Var(list(arcs))
    for arc in arcs:
        m.flow[arc].setlb(0)
        m.flow[arc].setub(arcs[arc][1])
    m.cost = pyo.Objective(expr=sum(arcs[k][0] * m.flow[k] for k in arcs))
    m.kept = pyo.Constraint(
        list(net),
        rule=lambda m, v: sum(m.flow[k] for k in arcs if k[0] == v) - sum(m.flow[k] for k in arcs if k[1] == v) == net[v],
    )
    return m


@model()
def parameter_estimation():
    times, data = [1, 2, 3, 5, 7], [8.3, 10.3, 19.0, 15.6, 19.8]
    m = pyo.ConcreteModel()
    m.top, m.rate = pyo.Var(initialize=20), pyo.Var(initialize=0.5)
    m.error = pyo.Objective(expr=sum((y - m.top * (1 - pyo.exp(-m.rate * t))) ** 2 for t, y in zip(times, data)))
    return m


@model()
def reactor_design():
    m = pyo.ConcreteModel()
    m.sv = pyo.Var(initialize=1, bounds=(0, None))
    m.c = pyo.Var("abcd", initialize={"a": 2000, "b": 2000, "c": 2000, "d": 1000}, bounds=(0, None))
    k1, k2, k3, feed = 5 / 6, 5 / 3, 1 / 6000, 10000
    m.yield_b = pyo.Objective(expr=m.c["b"], sense=pyo.maximize)
    m.a = pyo.Constraint(expr=0 == m.sv * feed - m.sv * m.c["a"] - k1 * m.c["a"] - 2 * k3 * m.c["a"] ** 2)
    m.b = pyo.Constraint(expr=0 == -m.sv * m.c["b"] + k1 * m.c["a"] - k2 * m.c["b"])
    m.cc = pyo.Constraint(expr=0 == -m.sv * m.c["c"] + k2 * m.c["b"])
    m.d = pyo.Constraint(expr=0 == -m.sv * m.c["d"] + k3 * m.c["a"] ** 2)
    return m


@model(value=2 * pi * (355 / (2 * pi)) ** (2 / 3) + 2 * 355 / (355 / (2 * pi)) ** (1 / 3))
def sodacan():
    m = pyo.ConcreteModel()
    m.r, m.h = pyo.Var(bounds=(0, None), initialize=1), pyo.Var(bounds=(0, None), initialize=1)
    m.area = pyo.Objective(expr=2 * pi * m.r * (m.r + m.h))
    m.volume = pyo.Constraint(expr=pi * m.h * m.r**2 == 355)
    return m


@model()
def box_design():
    m = pyo.ConcreteModel()
    m.s = pyo.Var("hwd", bounds=(0.1, None), initialize=1)
    h, w, d = (m.s[k] for k in "hwd")
    m.volume = pyo.Objective(expr=h * w * d, sense=pyo.maximize)
    m.walls = pyo.Constraint(expr=2 * (h * w + h * d) <= 200)
    m.floor = pyo.Constraint(expr=w * d <= 60)
    m.shape = pyo.Constraint(expr=h / w <= 0.9)
    return m


@model()
def logistic_regression():
    data = [(0.5, 0), (0.75, 0), (1, 0), (1.25, 0), (1.5, 0), (1.75, 0), (1.75, 1), (2, 0), (2.25, 1), (2.5, 0),
            (2.75, 1), (3, 0), (3.25, 1), (3.5, 0), (4, 1), (4.25, 1), (4.5, 1), (4.75, 1), (5, 1), (5.5, 1)]
    m = pyo.ConcreteModel()
    m.w, m.b = pyo.Var(initialize=0), pyo.Var(initialize=0)
    m.loss = pyo.Objective(expr=sum(pyo.log(1 + pyo.exp((1 - 2 * y) * (m.w * x + m.b))) for x, y in data))
    return m


@model()
def hanging_chain():
    n, length = 12, 2.0
    m = pyo.ConcreteModel()
    m.x = pyo.Var(range(n + 1), initialize=lambda m, i: i / n * 1.5)
    m.y = pyo.Var(range(n + 1), initialize=lambda m, i: -sqrt(0.25 - (i / n - 0.5) ** 2))
    m.energy = pyo.Objective(expr=sum((m.y[i] + m.y[i + 1]) / 2 for i in range(n)))
    m.link = pyo.Constraint(
        range(n),
        rule=lambda m, i: (m.x[i + 1] - m.x[i]) ** 2 + (m.y[i + 1] - m.y[i]) ** 2 == (length / n) ** 2,
    )
    for v, first, last in ((m.x, 0, 1.5), (m.y, 0, 0)):
        v[0].fix(first)
        v[n].fix(last)
    return m


@model()
def economic_dispatch():
    """Quadratic costs, and losses that are a shared expression."""
    cost = {"a": (0.008, 7.0), "b": (0.009, 6.3), "c": (0.007, 6.8)}
    loss = {"a": 0.00022, "b": 0.00023, "c": 0.00018}
    m = pyo.ConcreteModel()
    m.p = pyo.Var("abc", bounds=(10, 400), initialize=100)
    m.lost = pyo.Expression(expr=sum(loss[k] * m.p[k] ** 2 for k in "abc"))
    m.cost = pyo.Objective(expr=sum(q * m.p[k] ** 2 + c * m.p[k] for k, (q, c) in cost.items()) + 2 * m.lost)
    m.balance = pyo.Constraint(expr=sum(m.p[k] for k in "abc") - m.lost == 350)
    return m


@model(duals=False)
def facility():
    towns = [(0, 0, 3), (4, 0, 1), (1, 5, 2), (6, 4, 1.5)]
    m = pyo.ConcreteModel()
    m.x, m.y = pyo.Var(initialize=2), pyo.Var(initialize=2)
    m.walk = pyo.Objective(expr=sum(w * pyo.sqrt((m.x - a) ** 2 + (m.y - b) ** 2) for a, b, w in towns))
    m.river = pyo.Constraint(expr=m.x + m.y >= 3)
    return m


@model()
def maximum_entropy():
    m = pyo.ConcreteModel()
    m.p = pyo.Var(range(1, 7), bounds=(1e-9, 1), initialize=1 / 6)
    m.entropy = pyo.Objective(expr=-sum(m.p[i] * pyo.log(m.p[i]) for i in m.p), sense=pyo.maximize)
    m.all = pyo.Constraint(expr=sum(m.p[i] for i in m.p) == 1)
    m.mean = pyo.Constraint(expr=sum(i * m.p[i] for i in m.p) == 4.5)
    return m


@model()
def functions():
    """Every function that Pyomo writes, near a point where all are smooth."""
    m = pyo.ConcreteModel()
    m.x = pyo.Var(range(6), bounds=(0.05, 0.95), initialize=0.5)
    x = m.x
    trig = pyo.sin(x[0]) + pyo.cos(x[1]) + pyo.tan(x[2]) + pyo.asin(x[0]) + pyo.acos(x[1]) + pyo.atan(x[2])
    hyper = pyo.sinh(x[3]) + pyo.cosh(x[4]) + pyo.tanh(x[5]) + pyo.asinh(x[3]) + pyo.acosh(x[4] + 1.5) + pyo.atanh(x[5])
    other = pyo.exp(x[0] * x[1]) + pyo.log(x[2] + x[3]) + pyo.log10(x[4] + 1) + pyo.sqrt(x[5] + x[0]) + x[1] ** 1.5
    m.f = pyo.Objective(expr=sum((x[i] - 0.3) ** 2 for i in x) * 20 + trig + hyper + other)
    m.g = pyo.Constraint(expr=x[0] ** x[1] + 2 ** x[2] + x[3] / x[4] - abs(x[5] + 1) <= 2)
    return m


@model()
def recursion():
    """A simulation in named expressions, each of which reads the one before."""
    m = pyo.ConcreteModel()
    m.u = pyo.Var(range(8), bounds=(-2, 2), initialize=0.1)
    m.state = pyo.Expression(range(9))
    m.state[0] = 1.0
    for k in range(8):
        m.state[k + 1] = m.state[k] + 0.2 * (m.u[k] - pyo.sin(m.state[k]))
    m.cost = pyo.Objective(expr=sum(m.state[k + 1] ** 2 + 0.3 * m.u[k] ** 2 for k in range(8)))
    m.end = pyo.Constraint(expr=m.state[8] == 0.25)
    return m


@model(value=0)
def equations():
    """No objective but a constant, as many equations as variables."""
    m = pyo.ConcreteModel()
    m.x, m.y = pyo.Var(initialize=1), pyo.Var(initialize=1)
    m.f = pyo.Objective(expr=0)
    m.circle = pyo.Constraint(expr=m.x**2 + m.y**2 == 4)
    m.curve = pyo.Constraint(expr=pyo.exp(m.x) + m.y == 1)
    return m


@model()
def cases():
    m = pyo.ConcreteModel()
    m.x = pyo.Var(bounds=(0, 10), initialize=1)
    tariff = pyo.Expr_if(IF=m.x <= 4, THEN=2 * m.x, ELSE=8 + (m.x - 4) ** 2 + 2 * (m.x - 4))
    m.f = pyo.Objective(expr=tariff - 5 * m.x)
    return m
