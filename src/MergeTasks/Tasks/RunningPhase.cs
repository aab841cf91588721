using System.Text;
using MergeTasks.Caching;
using MergeTasks.Files;

namespace MergeTasks.Tasks;

/// <summary>
/// A file that says what a phase on a device is doing and exists only meanwhile: if the process that runs it is lost, the file is what is
/// left, and <see cref="ReportLostPhase"/> tells of it.
/// </summary>
internal sealed class RunningPhase : IDisposable
{
    private readonly string _path;
    private readonly string _device;

    private RunningPhase(string path, string device)
    {
        (_path, _device) = (path, device);
        Write(device);
    }

    /// <summary>Full path of a merge's file in a folder for generated files.</summary>
    public static string PathOf(string folder, string merge) => Path.Combine(folder, merge + ".running");

    /// <summary>Begins a phase.</summary>
    /// <param name="path">The file.</param>
    /// <param name="host">The device; <see langword="null"/> for the built-in engine, which needs no file: the process is MSBuild's
    /// own.</param>
    public static RunningPhase? Begin(string path, DeviceHost? host)
    {
        if (host is not null)
            return new RunningPhase(path, host.Device.Name);

        // What a build that was killed left behind says nothing of this one.
        if (path.Length > 0)
            File.Delete(path);
        return null;
    }

    /// <summary>Says which score is being computed.</summary>
    public void Tell(string model, string phase) => Write($"{_device} ({phase} of '{model}')");

    /// <summary>What the lost process was doing; <see langword="null"/> where none was lost.</summary>
    public static string? ReadLost(string path)
    {
        if (!File.Exists(path))
            return null;
        var text = MessageText.Shown(InputFile.ReadText(path, InputFile.LongestWritten));
        File.Delete(path);
        return text;
    }

    public void Dispose() => File.Delete(_path);

    private void Write(string text) => AtomicFile.Write(_path, Encoding.UTF8.GetBytes(text));
}
