// Which body parts are in an image, from C#: the C API by P/Invoke, and nothing else.
//
//   mcs Parts.cs && mono Parts.exe CHECKPOINT IMAGE        (or a project of `dotnet new console`)
//
// libsapiens_c.so.0.1 must be where the system looks for libraries (LD_LIBRARY_PATH).
using System;
using System.Linq;
using System.Runtime.InteropServices;

static class Native {
  const string Library = "libsapiens_c.so.0.1";

  // sapiens_image of sapiens.h: one of path, file and pixels; 0 and null elsewhere.
  [StructLayout(LayoutKind.Sequential)]
  public struct Image {
    public UIntPtr structSize;
    [MarshalAs(UnmanagedType.LPUTF8Str)] public string path;
    public IntPtr file;
    public UIntPtr fileBytes;
    public IntPtr pixels;  // red, green, blue: bitmaps of System.Drawing are blue first
    public long width, height, stride;
  }

  [DllImport(Library)]
  public static extern int sapiens_checkpoint_open([MarshalAs(UnmanagedType.LPUTF8Str)] string path,
                                                   out IntPtr checkpoint, out IntPtr error);
  [DllImport(Library)]
  public static extern void sapiens_checkpoint_free(IntPtr checkpoint);
  [DllImport(Library)]
  public static extern int sapiens_task_model_load(IntPtr checkpoint, IntPtr options, IntPtr engine,
                                                   out IntPtr model, out IntPtr error);
  [DllImport(Library)]
  public static extern void sapiens_task_model_free(IntPtr model);
  [DllImport(Library)]
  public static extern long sapiens_task_model_outputs(IntPtr model);
  [DllImport(Library)]
  public static extern IntPtr sapiens_task_model_output_name(IntPtr model, long index);
  [DllImport(Library)]
  public static extern int sapiens_task_model_run(IntPtr model, ref Image images,
                                                  UIntPtr count, IntPtr options,
                                                  out IntPtr results, out IntPtr error);
  [DllImport(Library)]
  public static extern IntPtr sapiens_result_shape(IntPtr result, long index);
  [DllImport(Library)]
  public static extern IntPtr sapiens_result_bytes(IntPtr result, long index);
  [DllImport(Library)]
  public static extern void sapiens_result_free(IntPtr result);
  [DllImport(Library)]
  public static extern IntPtr sapiens_error_text(IntPtr error);
  [DllImport(Library)]
  public static extern void sapiens_error_free(IntPtr error);
}

sealed class SapiensException : Exception {
  public readonly int Status;
  SapiensException(int status, string text) : base(text) { Status = status; }

  public static void ThrowUnlessOk(int status, IntPtr error) {
    if (status == 0) return;
    string text = Marshal.PtrToStringUTF8(Native.sapiens_error_text(error));
    Native.sapiens_error_free(error);
    throw new SapiensException(status, text);
  }
}

// A loaded model. Any thread may call it; its calls run one after the other.
sealed class Segmenter : IDisposable {
  IntPtr model;

  public Segmenter(string path) {
    IntPtr checkpoint, error;
    SapiensException.ThrowUnlessOk(
        Native.sapiens_checkpoint_open(path, out checkpoint, out error), error);
    int status = Native.sapiens_task_model_load(checkpoint, IntPtr.Zero, IntPtr.Zero, out model,
                                                out error);
    Native.sapiens_checkpoint_free(checkpoint);  // the model lives on
    SapiensException.ThrowUnlessOk(status, error);
  }

  public string[] Names() {
    var names = new string[Native.sapiens_task_model_outputs(model)];
    for (int i = 0; i < names.Length; ++i) {
      names[i] = Marshal.PtrToStringUTF8(Native.sapiens_task_model_output_name(model, i));
    }
    return names;
  }

  // The class of every pixel, row by row from the top left.
  public byte[] Segment(string path, out long height, out long width) {
    var image = new Native.Image {
      structSize = (UIntPtr)Marshal.SizeOf(typeof(Native.Image)), path = path
    };
    IntPtr result, error;
    SapiensException.ThrowUnlessOk(
        Native.sapiens_task_model_run(model, ref image, (UIntPtr)1, IntPtr.Zero, out result,
                                      out error), error);
    try {
      var shape = new long[2];
      Marshal.Copy(Native.sapiens_result_shape(result, 0), shape, 0, 2);
      height = shape[0];
      width = shape[1];
      var ids = new byte[height * width];
      Marshal.Copy(Native.sapiens_result_bytes(result, 0), ids, 0, ids.Length);
      return ids;
    } finally {
      Native.sapiens_result_free(result);
    }
  }

  public void Dispose() {
    Native.sapiens_task_model_free(model);
    model = IntPtr.Zero;
  }
}

static class Program {
  static int Main(string[] arguments) {
    if (arguments.Length != 2) {
      Console.Error.WriteLine("usage: Parts CHECKPOINT IMAGE");
      return 2;
    }
    try {
      using (var segmenter = new Segmenter(arguments[0])) {
        long height, width;
        byte[] ids = segmenter.Segment(arguments[1], out height, out width);
        Console.WriteLine("{0}x{1}: {2} of {3} pixels are a person", height, width,
                          ids.Count(id => id != 0), ids.Length);
        string[] names = segmenter.Names();
        foreach (var part in ids.GroupBy(id => id).OrderByDescending(part => part.Count())) {
          Console.WriteLine("{0,8} {1}", part.Count(), names[part.Key]);
        }
      }
      return 0;
    } catch (SapiensException error) {
      Console.Error.WriteLine(error.Message);
      return 1;
    }
  }
}
