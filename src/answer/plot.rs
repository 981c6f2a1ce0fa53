//! Line charts as SVG texts: panels side by side, curves with a legend, axes linear or logarithmic.

/// Panels side by side under a title.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chart {
    pub title: String,
    pub panels: Vec<Panel>,
    /// The legend, a colour for each entry in order.
    pub legend: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    pub x: Axis,
    pub y: Axis,
    pub curves: Vec<Curve>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    pub label: String,
    /// Points that are not above 0 are left out.
    pub logarithmic: bool,
    /// Of a linear axis: it shows 0.
    pub from_zero: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// An entry of the legend.
    pub entry: usize,
    /// Points that are not finite break the curve.
    pub points: Vec<(f64, f64)>,
}

/// Colours that people who do not tell red from green can tell apart (Okabe and Ito).
const COLOURS: [&str; 8] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999933"];
/// Of a panel, in pixels, without its margins.
const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 50.0;
/// Of a line of the legend.
const LINE: f64 = 18.0;

/// The chart as a document of its own.
pub fn render(chart: &Chart) -> String {
    let panels = chart.panels.len().max(1) as f64;
    let width = panels * (LEFT + WIDTH + RIGHT);
    let height = TOP + HEIGHT + BOTTOM + LINE * chart.legend.len() as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    out += &text(LEFT, 24.0, "start", &chart.title, " font-size=\"15\"");
    for (k, panel) in chart.panels.iter().enumerate() {
        let left = k as f64 * (LEFT + WIDTH + RIGHT) + LEFT;
        draw(panel, left, &mut out);
    }
    for (k, label) in chart.legend.iter().enumerate() {
        let y = TOP + HEIGHT + BOTTOM + LINE * k as f64;
        let (from, to, colour) = (LEFT, LEFT + 24.0, colour(k));
        out += &format!(
            "<line x1=\"{from}\" y1=\"{y}\" x2=\"{to}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"2\"/>\n"
        );
        out += &text(to + 8.0, y + 4.0, "start", label, "");
    }
    out + "</svg>\n"
}

fn colour(entry: usize) -> &'static str {
    COLOURS[entry % COLOURS.len()]
}

fn draw(panel: &Panel, left: f64, out: &mut String) {
    let drawn = |&(x, y): &(f64, f64)| panel.x.shows(x) && panel.y.shows(y);
    let points = || panel.curves.iter().flat_map(|curve| &curve.points).filter(|point| drawn(point));
    let (xs, ys) = (panel.x.scale(points().map(|p| p.0)), panel.y.scale(points().map(|p| p.1)));
    let place = |x: f64, y: f64| (left + WIDTH * xs.share(x), TOP + HEIGHT * (1.0 - ys.share(y)));
    let (bottom, right) = (TOP + HEIGHT, left + WIDTH);
    for (at, label) in xs.ticks() {
        let x = place(at, ys.from).0;
        out.push_str(&rule(x, TOP, x, bottom));
        out.push_str(&text(x, bottom + 16.0, "middle", &label, ""));
    }
    for (at, label) in ys.ticks() {
        let y = place(xs.from, at).1;
        out.push_str(&rule(left, y, right, y));
        out.push_str(&text(left - 6.0, y + 4.0, "end", &label, ""));
    }
    out.push_str(&format!(
        "<rect x=\"{left}\" y=\"{TOP}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"none\" stroke=\"#444444\"/>\n"
    ));
    out.push_str(&text(left + WIDTH / 2.0, bottom + 36.0, "middle", &panel.x.label, ""));
    out.push_str(&text(left, TOP - 8.0, "start", &panel.y.label, ""));
    for curve in &panel.curves {
        for piece in curve.points.split(|point| !drawn(point)).filter(|piece| !piece.is_empty()) {
            let places: Vec<String> = thinned(piece.iter().map(|&(x, y)| place(x, y)))
                .into_iter()
                .map(|(x, y)| format!("{x:.1},{y:.1}"))
                .collect();
            let colour = colour(curve.entry);
            // A single point would draw nothing.
            out.push_str(&match &places[..] {
                [only] => {
                    let (x, y) = only.split_once(',').expect("two numbers");
                    format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"3\" fill=\"{colour}\"/>\n")
                }
                _ => format!(
                    "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" \
                     stroke-opacity=\"0.8\"/>\n",
                    places.join(" ")
                ),
            });
        }
    }
}

/// Of the points that share a column of pixels only the first, the lowest, the highest and the last.
fn thinned(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut columns: Vec<Vec<(f64, f64)>> = vec![];
    for point in points {
        match columns.last_mut() {
            Some(column) if column[0].0.round() == point.0.round() => column.push(point),
            _ => columns.push(vec![point]),
        }
    }
    let kept = |column: Vec<(f64, f64)>| {
        let by_height = |a: &usize, b: &usize| column[*a].1.total_cmp(&column[*b].1);
        let lowest = (0..column.len()).min_by(by_height).expect("a column has a point");
        let highest = (0..column.len()).max_by(by_height).expect("a column has a point");
        let mut chosen = vec![0, lowest, highest, column.len() - 1];
        chosen.sort_unstable();
        chosen.dedup();
        chosen.into_iter().map(|k| column[k]).collect::<Vec<_>>()
    };
    columns.into_iter().flat_map(kept).collect()
}

fn rule(x1: f64, y1: f64, x2: f64, y2: f64) -> String {
    format!("<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#dddddd\"/>\n")
}

fn text(x: f64, y: f64, anchor: &str, words: &str, more: &str) -> String {
    let words = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\"{more}>{words}</text>\n")
}

/// An axis with its ends, in the measure that is drawn (logarithms where it is logarithmic).
struct Scale {
    from: f64,
    to: f64,
    logarithmic: bool,
}

impl Axis {
    fn shows(&self, value: f64) -> bool {
        value.is_finite() && (!self.logarithmic || value > 0.0)
    }

    fn scale(&self, values: impl Iterator<Item = f64>) -> Scale {
        let logarithmic = self.logarithmic;
        let of = |value: f64| if logarithmic { value.log10() } else { value };
        let (mut from, mut to) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.map(of) {
            (from, to) = (from.min(value), to.max(value));
        }
        if from > to {
            (from, to) = (0.0, 1.0);
        }
        if self.from_zero && !logarithmic {
            (from, to) = (from.min(0.0), to.max(0.0));
        }
        if logarithmic {
            (from, to) = (from.floor(), to.ceil());
        }
        if to - from <= 1e-12 * from.abs().max(to.abs()) {
            (from, to) = (from - 0.5, to + 0.5);
        }
        let unlogged = |v: f64| if logarithmic { 10f64.powf(v) } else { v };
        Scale { from: unlogged(from), to: unlogged(to), logarithmic }
    }
}

impl Scale {
    fn measure(&self, value: f64) -> f64 {
        if self.logarithmic { value.log10() } else { value }
    }

    /// Where a value stands between the ends.
    fn share(&self, value: f64) -> f64 {
        let (from, to) = (self.measure(self.from), self.measure(self.to));
        (self.measure(value) - from) / (to - from)
    }

    /// Round values between the ends, at most about eight, with their labels.
    fn ticks(&self) -> Vec<(f64, String)> {
        let (from, to) = (self.measure(self.from), self.measure(self.to));
        if self.logarithmic {
            let step = ((to - from) / 8.0).ceil().max(1.0);
            let count = ((to - from) / step).floor() as usize;
            return (0..=count)
                .map(|k| from + step * k as f64)
                .map(|decade| (10f64.powf(decade), format!("1e{}", decade.round())))
                .collect();
        }
        let rough = (to - from) / 6.0;
        let decade = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|s| s * decade).find(|s| *s >= rough).unwrap_or(rough);
        let first = (from / step).ceil();
        let digits = (-step.log10().floor()).max(0.0) as usize;
        (0..=((to / step).floor() - first).max(0.0) as usize)
            .map(|k| (first + k as f64) * step)
            .map(|at| {
                let plain = at == 0.0 || (1e-4..1e6).contains(&at.abs());
                (at, if plain { format!("{at:.digits$}") } else { format!("{at:.1e}") })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>, logarithmic: bool) -> Chart {
        let y = Axis { label: "f < g & h".into(), logarithmic, from_zero: false };
        let panel = Panel { x: Axis::default(), y, curves: vec![Curve { entry: 0, points }] };
        Chart { title: "t".into(), panels: vec![panel.clone(), panel], legend: vec!["a".into()] }
    }

    #[test]
    fn curves_are_drawn_in_each_panel_and_texts_are_escaped() {
        let svg = render(&chart(vec![(0.0, 1.0), (1.0, 0.1), (2.0, 0.01)], true));
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(svg.contains("f &lt; g &amp; h") && svg.contains(">1e-2<") && svg.ends_with("</svg>\n"));
        // The first point lies at the left end on top, the last at the right end at the bottom.
        assert!(svg.contains("points=\"70.0,50.0 280.0,200.0 490.0,350.0\""), "{svg}");
    }

    #[test]
    fn what_cannot_be_drawn_breaks_the_curve() {
        let points =
            vec![(0.0, 1.0), (1.0, 2.0), (2.0, f64::NAN), (3.0, 1.0), (4.0, 2.0), (5.0, f64::INFINITY), (6.0, 1.0)];
        let svg = render(&chart(points, false));
        assert_eq!((svg.matches("<polyline").count(), svg.matches("<circle").count()), (4, 2));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        // Nothing at all, one point, equal points, zeros on a logarithmic axis: still a chart.
        for points in [vec![], vec![(1.0, 1.0)], vec![(1.0, 5.0), (2.0, 5.0)], vec![(1.0, 0.0), (2.0, 0.0)]] {
            for logarithmic in [false, true] {
                assert!(!render(&chart(points.clone(), logarithmic)).contains("NaN"));
            }
        }
    }

    #[test]
    fn many_points_are_thinned_without_losing_extremes() {
        let mut points: Vec<(f64, f64)> = (0..100_000).map(|k| (k as f64, 0.5)).collect();
        points[54_321].1 = 0.0;
        points[99_000].1 = 1.0;
        let svg = render(&chart(points, false));
        assert!(svg.len() < 60_000, "{}", svg.len());
        assert!(svg.contains(",350.0") && svg.contains(",50.0"));
    }
}
