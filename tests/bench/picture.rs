//! Draws the cost curves: throughput of the host and of the native server, each as its median with the span from the
//! slowest round to the fastest around it. On a card of its own colour, so that it reads in light and dark pages.

use std::path::Path;

use plotters::{
    coord::{Shift, ranged1d::ValueFormatter},
    prelude::*,
};

use crate::curves::{Curve, Point};

const SIZE: (u32, u32) = (1000, 720);
const CARD: RGBColor = RGBColor(250, 250, 248);
const INK: RGBColor = RGBColor(50, 50, 55);
const HOST: RGBColor = RGBColor(196, 78, 30);
const NATIVE: RGBColor = RGBColor(40, 96, 160);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What a panel says of its curve.
struct Panel {
    title: &'static str,
    x: &'static str,
    label: fn(&f64) -> String,
    /// Where the two ends are further apart than a linear axis shows.
    logarithmic: bool,
}

fn panel(name: &str) -> Panel {
    let plain = |x: &f64| format!("{x:.0}");
    let bytes = |x: &f64| {
        if *x < 1e6 { format!("{:.0} KiB", x / 1024.0) } else { format!("{:.0} MiB", x / 1_048_576.0) }
    };
    match name {
        "connections" => Panel { title: "Connections", x: "connections", label: plain, logarithmic: false },
        "tenants" => Panel {
            title: "Tenants, ten services each (16 connections)",
            x: "tenants",
            label: plain,
            logarithmic: false,
        },
        "services" => Panel {
            title: "Services under load at once (16 connections)",
            x: "services",
            label: plain,
            logarithmic: false,
        },
        "bytes" => Panel {
            title: "Size of a result (16 connections)",
            x: "bytes of the result's text",
            label: bytes,
            logarithmic: true,
        },
        other => panic!("there is no panel for `{other}`"),
    }
}

/// Draws all of them into one file.
pub(crate) fn draw(file: &Path, curves: &[Curve]) {
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    root.fill(&CARD).unwrap();
    let title = ("sans-serif", 20).into_font().color(&INK);
    let root = root.titled("Calls per second: sandboxed, everything on, and native", title).unwrap();
    for (area, curve) in root.split_evenly((2, 2)).iter().zip(curves) {
        one(area, curve);
    }
    root.present().unwrap();
}

fn one<'a>(area: &Area<'a>, curve: &Curve) {
    let panel = panel(curve.name);
    let xs = curve.points.iter().map(|point| point.x as f64);
    let (first, last) = (xs.clone().fold(f64::MAX, f64::min), xs.clone().fold(0.0, f64::max));
    let all = || curve.points.iter().flat_map(|point| [point.host(), point.native()]);
    let most = all().map(|spread| spread.max).fold(0.0, f64::max) * 1.25; // room for what the lines are
    let least = all().map(|spread| spread.min).fold(f64::MAX, f64::min) / 1.5;
    let mut chart = ChartBuilder::on(area);
    chart
        .caption(panel.title, ("sans-serif", 16).into_font().color(&INK))
        .margin(12)
        .margin_right(32)
        .x_label_area_size(42)
        .y_label_area_size(64);
    // A label at each step that was measured.
    let xs = (first..last).log_scale().with_key_points(xs.collect());
    if panel.logarithmic {
        let chart = chart.build_cartesian_2d(xs, (least..most * 1.5).log_scale()).unwrap();
        lines(chart, curve, &panel);
    } else {
        let chart = chart.build_cartesian_2d(xs, 0.0..most).unwrap();
        lines(chart, curve, &panel);
    }
}

fn lines<'a, X, Y>(
    mut chart: ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>,
    curve: &Curve,
    panel: &Panel,
) where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let text = ("sans-serif", 13).into_font().color(&INK);
    chart
        .configure_mesh()
        .x_desc(panel.x)
        .y_desc("calls per second")
        .x_label_formatter(&panel.label)
        .y_label_formatter(&|y| if *y < 1000.0 { format!("{y:.0}") } else { format!("{:.0} k", y / 1000.0) })
        .label_style(text.clone())
        .axis_desc_style(text.clone())
        .axis_style(INK.mix(0.6))
        .bold_line_style(INK.mix(0.12))
        .light_line_style(TRANSPARENT)
        .draw()
        .unwrap();
    for (name, colour, of) in [
        ("native", NATIVE, Point::native as fn(&Point) -> crate::figures::Spread),
        ("sandboxed", HOST, Point::host),
    ] {
        let at = |point: &Point, figure: f64| (point.x as f64, figure);
        let upper = curve.points.iter().map(|point| at(point, of(point).max));
        let lower = curve.points.iter().rev().map(|point| at(point, of(point).min));
        let band: Vec<_> = upper.chain(lower).collect();
        chart.draw_series([Polygon::new(band, colour.mix(0.15))]).unwrap();
        let middle = curve.points.iter().map(|point| at(point, of(point).median));
        chart
            .draw_series(LineSeries::new(middle.clone(), colour.stroke_width(2)))
            .unwrap()
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(middle.map(|point| Circle::new(point, 3, colour.filled()))).unwrap();
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(CARD.mix(0.8))
        .label_font(text)
        .draw()
        .unwrap();
}
