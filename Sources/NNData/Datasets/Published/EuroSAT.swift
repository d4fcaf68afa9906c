import NNCore
import NNFiles

/// Satellite images of 64x64 pixels: 27,000 of ten kinds of land. There is no test part.
///
/// Helber et al., EuroSAT: A Novel Dataset and Deep Learning Benchmark for Land Use and Land Cover Classification, 2019. As
/// `torchvision.datasets.EuroSAT`: in `eurosat/2750`, or else the published `EuroSAT.zip` of 94 MB in `eurosat`, which is
/// downloaded and read without unpacking it.
public enum EuroSAT {
  private static let archive = PublishedArchive(
    "https://huggingface.co/datasets/torchgeo/eurosat/resolve/c877bcd43f099cd0196738f714544e355477f3fd/EuroSAT.zip",
    md5: "c8fa014336c82ac7804f0398fcb19387")

  /// Opens all images; the parameters are those of ``DTD/open(root:part:partition:download:transform:progress:)``.
  public static func open(
    root: String, download: Bool = false, transform: any Transform<Image, Tensor> = ToTensor(),
    progress: ((DownloadProgress) -> Void)? = Downloader.printingLines()
  ) throws -> ImageFolder {
    let tree = try archive.tree(in: "\(root)/eurosat", unpacked: "2750", download: download, progress)
    return try ImageFolder(tree, below: "\(tree.root)/2750", transform: transform)
  }
}
