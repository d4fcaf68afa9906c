/// A class of the drawn data set: its name and its outline.
struct ShapeClass: Sendable {
  let name: String
  let outline: ShapeOutline

  private init(_ name: String, _ outline: (ShapeOutline) -> ShapeOutline) {
    self.name = name
    self.outline = outline(ShapeOutline())
  }

  static let target: [ShapeClass] = [
    ShapeClass("circle") { $0.disk(0, 0, 0.9) },
    ShapeClass("triangle") { $0.polygon([0, 1, -0.866, -0.5, 0.866, -0.5]) },
    ShapeClass("square") { $0.rectangle(-0.76, -0.76, 0.76, 0.76) },
    ShapeClass("star") {
      $0.polygon([
        0, 1, -0.247, 0.34, -0.951, 0.309, -0.4, -0.13, -0.588, -0.809, 0, -0.42, 0.588, -0.809, 0.4, -0.13,
        0.951, 0.309, 0.247, 0.34,
      ])
    },
    ShapeClass("heart") {
      $0.disk(-0.42, 0.36, 0.48).disk(0.42, 0.36, 0.48).polygon([-0.8, 0.07, 0, -0.95, 0.8, 0.07, 0, 0.6])
    },
    ShapeClass("cross") { $0.rectangle(-0.95, -0.28, 0.95, 0.28).rectangle(-0.28, -0.95, 0.28, 0.95) },
    ShapeClass("ring") { $0.disk(0, 0, 0.95).minus.disk(0, 0, 0.5) },
    ShapeClass("crescent") { $0.disk(0, 0, 0.95).minus.disk(0.45, 0, 0.75) },
    ShapeClass("arrow") {
      $0.polygon([1, 0, 0.1, 0.8, 0.1, 0.3, -0.95, 0.3, -0.95, -0.3, 0.1, -0.3, 0.1, -0.8])
    },
    ShapeClass("flower") { $0.flower(5, 0.7, 0.26) },
  ]

  static let pretraining: [ShapeClass] = [
    ShapeClass("ellipse") { $0.ellipse(0, 0, 1, 0.5) },
    ShapeClass("pentagon") {
      $0.polygon([0, 0.95, -0.903, 0.294, -0.558, -0.769, 0.558, -0.769, 0.903, 0.294])
    },
    ShapeClass("rectangle") { $0.rectangle(-1, -0.42, 1, 0.42) },
    ShapeClass("rhombus") { $0.polygon([0, 1, -0.55, 0, 0, -1, 0.55, 0]) },
    ShapeClass("semicircle") { $0.disk(0, -0.4, 1).and.rectangle(-2, -0.4, 2, 2) },
    ShapeClass("trapezoid") { $0.polygon([-0.95, -0.6, 0.95, -0.6, 0.45, 0.6, -0.45, 0.6]) },
    ShapeClass("corner") {
      $0.polygon([-0.8, 0.9, -0.8, -0.8, 0.9, -0.8, 0.9, -0.25, -0.25, -0.25, -0.25, 0.9])
    },
    ShapeClass("tee") { $0.rectangle(-0.9, 0.3, 0.9, 0.85).rectangle(-0.28, -0.95, 0.28, 0.5) },
    ShapeClass("horseshoe") { $0.rectangle(-0.85, -0.8, 0.85, 0.85).minus.rectangle(-0.33, -0.25, 0.33, 1) },
    ShapeClass("bolt") {
      $0.polygon([
        -0.9, 0.85, 0.35, 0.85, 0.35, 0.1, 0.9, 0.1, 0.9, -0.85, -0.35, -0.85, -0.35, -0.1, -0.9, -0.1,
      ])
    },
    ShapeClass("hourglass") { $0.polygon([-0.75, 0.9, 0, 0, -0.75, -0.9, 0.75, -0.9, 0, 0, 0.75, 0.9]) },
    ShapeClass("sparkle") {
      $0.polygon([0, 1, -0.24, 0.24, -1, 0, -0.24, -0.24, 0, -1, 0.24, -0.24, 1, 0, 0.24, 0.24])
    },
    ShapeClass("drop") { $0.disk(0, -0.35, 0.6).polygon([0, 1, -0.54, -0.08, 0.54, -0.08]) },
    ShapeClass("wedge") { $0.disk(0, 0, 0.95).minus.polygon([0, 0, 1.2, 0.8, 1.2, -0.8]) },
    ShapeClass("frame") { $0.rectangle(-0.85, -0.85, 0.85, 0.85).minus.rectangle(-0.45, -0.45, 0.45, 0.45) },
    ShapeClass("bars") { $0.rectangle(-0.9, 0.22, 0.9, 0.72).rectangle(-0.9, -0.72, 0.9, -0.22) },
    ShapeClass("dots") { $0.disk(0, 0.58, 0.38).disk(-0.55, -0.42, 0.38).disk(0.55, -0.42, 0.38) },
    ShapeClass("zigzag") { $0.stroke([-0.9, -0.5, -0.3, 0.55, 0.3, -0.55, 0.9, 0.5], 0.2) },
    ShapeClass("leaf") { $0.disk(-0.6, 0, 1.1).and.disk(0.6, 0, 1.1) },
    ShapeClass("dumbbell") { $0.disk(-0.62, 0, 0.38).disk(0.62, 0, 0.38).stroke([-0.6, 0, 0.6, 0], 0.14) },
  ]
}
