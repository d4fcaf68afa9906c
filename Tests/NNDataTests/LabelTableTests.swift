import Foundation
import NNCore
import NNData
import TestSupport
import Testing

/// Tables of labels from strangers, and labels in names.
@Suite struct LabelTableTests {
  private func table(
    _ text: String, name: String = "labels.csv", files: [String] = [], severalLabels: Bool = false,
    labelColumn: String? = nil
  ) throws -> LabelTable {
    try withTemporaryFolder { folder in
      for file in files { try Data().write(to: URL(fileURLWithPath: "\(folder)/\(file)")) }
      let path = "\(folder)/\(name)"
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      return try LabelTable(
        contentsOf: path, root: files.isEmpty ? nil : folder, severalLabels: severalLabels,
        labelColumn: labelColumn)
    }
  }

  /// The same content in the forms that programs write.
  @Test(arguments: [
    "file,label,split\na.jpg,\"big, cat\",train\n\"b \"\"1\"\".jpg\",dog,test\n",
    "\u{feff}split;Label;FILE\r\ntrain;big, cat;a.jpg\r\ntest;dog;\"b \"\"1\"\".jpg\"\r\n\r\n",
    "file\tlabel\tsplit\ra.jpg\tbig, cat\ttrain\rb \"1\".jpg\tdog\ttest",
    """
    {"label": "big, cat", "split": "train", "file_name": "a.jpg", "width": 3}

    {"file_name": "b \\"1\\".jpg", "label": "dog", "split": "test"}
    """,
  ])
  func formsOfOneTable(text: String) throws {
    let rows = try table(text).rows
    #expect(rows.map(\.path) == ["a.jpg", "b \"1\".jpg"] && rows.map(\.label) == ["big, cat", "dog"])
    #expect(rows.map(\.split) == ["train", "test"])
  }

  @Test func columnsAreChosenAndToldIfTheyAreNotUsed() throws {
    let text = "id,attribution,diagnosis,label\na.jpg,x,benign,1\n"
    let chosen = try table(text, labelColumn: "Diagnosis")
    #expect(chosen.rows.map(\.label) == ["benign"] && chosen.unusedColumns == ["attribution", "label"])
    #expect(try table(text).unusedColumns == ["attribution", "diagnosis"])
    // Endings are found where the table has none.
    #expect(try table("image,label\na,1\n", files: ["a.png"]).rows.map(\.path) == ["a.png"])
    #expect(try table("{\"image\": \"a\", \"label\": 7}\n").rows.map(\.label) == ["7"])
  }

  @Test(arguments: [
    "file,labels\na.jpg,cat | dog\nb.jpg,\nc.jpg,dog\n", "file;labels\na.jpg;cat,dog\nb.jpg;\nc.jpg;dog\n",
    "file,label\na.jpg,cat\nb.jpg,\nc.jpg,dog\na.jpg,dog\na.jpg,cat\n",
    "file,cat,dog\na.jpg,1,1\nb.jpg,0,\nc.jpg,0,1.0\n",
    """
    {"file": "a.jpg", "labels": ["cat", "dog", "cat"]}
    {"file": "b.jpg", "labels": []}
    {"file": "c.jpg", "labels": "dog"}
    """,
  ])
  func severalLabels(text: String) throws {
    let rows = try table(text, severalLabels: true).rows
    #expect(rows.map(\.path) == ["a.jpg", "b.jpg", "c.jpg"])
    #expect(rows.map(\.labels) == [["cat", "dog"], [], ["dog"]])
  }

  /// One line that says where, what was expected and what was found.
  @Test(arguments: [
    ("", "expected a table of file names and labels, found an empty file"),
    ("file,label\n", "expected rows of file names and labels, found none"),
    ("name,kind\na,b\nfile,c", "no error"),
    (
      "file,breed name\na.jpg,x\n",
      ":1: expected columns \"file\" and \"label\", found \"file\", \"breed name\""
    ),
    ("file,label\na.jpg,cat\nb.jpg\n", ":3: expected 2 columns, found 1"),
    ("file,label\na.jpg,cat\n\nb.jpg,\n", ":4: expected a label for \"b.jpg\", found none"),
    ("file,label\n,cat\n", ":2: expected the name of a file, found \"\""),
    (
      "file,label\na.jpg,cat\nb.jpg,cat\na.jpg,dog\n",
      ":4: expected one label for \"a.jpg\", found \"cat\" in line 2"
    ),
    (
      "file,label,split\na.jpg,cat,train\na.jpg,cat,test\n",
      ":3: expected one split for \"a.jpg\", found \"train\" in line 2 and \"test\""
    ),
    ("file,label\n\"a.jpg,cat\n", ":2: expected a quote that ends, found the end of the file"),
    ("file,label\na.jpg,c\u{0}t\n", "expected a table in UTF-8, found bytes of value 0"),
    ("{\"file\": \"a.jpg\"}\n", "expected columns \"file\" and \"label\", found \"file\""),
    (
      "{\"file\": \"a.jpg\", \"label\": \"x\"}\n{oops\n",
      ":2: expected a JSON object in the line, found \"{oops\""
    ),
    (
      "{\"file\": \"a.jpg\", \"label\": {}}\n",
      ":1: expected texts or numbers in \"label\", found other values"
    ),
    ("{\"file\": \"a.jpg\", \"label\": [1, 2]}\n", ":1: expected one label for \"a.jpg\", found 2"),
  ])
  func mistakesAreNamedWithTheirLine(text: String, message: String) throws {
    do {
      let rows = try table(text).rows
      #expect(message == "no error", "\(rows)")
    } catch {
      #expect("\(error)".contains(message), "\(error)")
      #expect(!"\(error)".contains("\n"))
    }
  }

  @Test(arguments: [
    ("file,cat,dog\na.jpg,1,2\n", ":2: expected 1 or 0 in column \"dog\", found \"2\""),
    (
      "{\"file\": \"a\", \"label\": [\"x|y\", \"z\"]}",
      ":1: expected labels without | ; and , in them, found \"x|y\""
    ),
  ])
  func mistakesInSeveralLabels(text: String, message: String) throws {
    #expect { try table(text, severalLabels: true) } throws: { "\($0)".contains(message) }
  }

  @Test func columnsThatAreNotThereAreNamed() throws {
    #expect { try table("file,label\na,b\n", labelColumn: "labe") } throws: {
      "\($0)".contains(":1: expected a column \"labe\" (did you mean \"label\"?), found \"file\", \"label\"")
    }
    #expect { try table("file,label\na.jpg,b\nnone.jpg,c\n", files: ["a.jpg"]) } throws: {
      "\($0)".contains(":3: expected an image \"none.jpg\" in ")
    }
  }

  @Test(arguments: [
    ("{label}_*.jpg", "x/british_shorthair_7.jpg", "british_shorthair"),
    ("{label}.*.jpg", "cat.12.jpg", "cat"),
    ("*-{label}.*", "12-dog.tar.png", "dog.tar"), ("{label}/*", "train/cat/1.jpg", "cat"),
    ("{label}/*/*", "cat/a/1.jpg", "cat"), ("img{label}", "img7", "7"),
  ])
  func labelsStandInNames(pattern: String, path: String, label: String) throws {
    #expect(try FileNamePattern(pattern).label(of: path) == label)
  }

  @Test(arguments: [
    ("{label}_*.jpg", "cat.jpg"), ("{label}_*.jpg", "_1.jpg"), ("{label}/*", "1.jpg"), ("a{label}", "b1"),
    // Many ways to go wrong.
    ("{label}" + String(repeating: "*a", count: 30) + "b", String(repeating: "a", count: 200)),
  ])
  func otherNamesHaveNoLabel(pattern: String, path: String) throws {
    #expect(try FileNamePattern(pattern).label(of: path) == nil)
  }

  @Test(arguments: ["*.jpg", "{label}{label}", ""])
  func patternsNeedOnePlaceForTheLabel(pattern: String) throws {
    #expect { try FileNamePattern(pattern) } throws: { "\($0)".contains("expected {label} once") }
  }

  @Test func foldersCanBeChosen() throws {
    try withTemporaryFolder { folder in
      let image = Image(width: 1, height: 1, channels: 3, pixels: [1, 2, 3])
      for name in ["ant", "bee", "cow"] {
        try FileManager.default.createDirectory(
          atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        try image.writePNG(toFile: "\(folder)/\(name)/1.png")
      }
      let images = try ImageFolder(folder, choosing: ["cow", "ant"])
      #expect(images.classes == ["cow", "ant"] && images.targets == [0, 1])
      #expect { try ImageFolder(folder, choosing: ["cwo"]) } throws: { error in
        expectOneLine(error, naming: "expected a folder of the class \"cwo\"")
        return error is DatasetError
      }
    }
  }
}
