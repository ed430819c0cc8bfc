// What a model finds in an image, from C#: ONNX Runtime, and a graph that resizes and normalises by itself.
//
//   sapiens convert CHECKPOINT model.onnx --with-preprocessing
//   OnnxRun model.onnx photo.ppm [FOLDER]
//
// Prints the shape and the mean of every output of float32; in FOLDER their numbers are files.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

static class OnnxRun {
  // [1, height, width, 3], red first. A PPM is these bytes behind a few words: "P6", width, height, 255. The bytes of
  // other files come from an image library.
  static DenseTensor<byte> ReadImage(string path) {
    byte[] file = File.ReadAllBytes(path);
    int at = 0;
    Func<string> word = () => {
      int start = at;
      while (at < file.Length && !char.IsWhiteSpace((char)file[at])) ++at;
      return Encoding.ASCII.GetString(file, start, at++ - start);
    };
    if (word() != "P6") throw new FormatException(path + " is no binary PPM");
    int width = int.Parse(word()), height = int.Parse(word());
    if (word() != "255") throw new FormatException(path + " has more than 8 bits");
    return new DenseTensor<byte>(new Memory<byte>(file, at, height * width * 3), new[] { 1, height, width, 3 });
  }

  static int Main(string[] arguments) {
    if (arguments.Length < 2) {
      Console.Error.WriteLine("usage: OnnxRun MODEL.onnx IMAGE.ppm [FOLDER]");
      return 2;
    }
    DenseTensor<byte> image = ReadImage(arguments[1]);
    using (var session = new InferenceSession(arguments[0])) {
      var inputs = new List<NamedOnnxValue> { NamedOnnxValue.CreateFromTensor("images", image) };
      if (session.InputMetadata.ContainsKey("boxes")) {  // of pose; here the whole image is one person
        var box = new float[] { 0, 0, image.Dimensions[2], image.Dimensions[1] };
        inputs.Add(NamedOnnxValue.CreateFromTensor("boxes", new DenseTensor<float>(box, new[] { 1, 4 })));
      }
      using (var outputs = session.Run(inputs)) {
        foreach (var output in outputs) {
          if (session.OutputMetadata[output.Name].ElementType != typeof(float)) continue;
          Tensor<float> tensor = output.AsTensor<float>();
          float[] numbers = tensor.ToArray();
          Console.WriteLine("{0} [{1}], mean {2:F6}", output.Name, string.Join(", ", tensor.Dimensions.ToArray()),
                            numbers.DefaultIfEmpty().Average());
          if (arguments.Length < 3) continue;
          var bytes = new byte[4 * numbers.Length];
          Buffer.BlockCopy(numbers, 0, bytes, 0, bytes.Length);
          File.WriteAllBytes(Path.Combine(arguments[2], output.Name + ".f32"), bytes);
        }
      }
    }
    return 0;
  }
}
