namespace MergeTasks.Methods.Loading;

/// <summary>An assembly with merge methods cannot be used.</summary>
/// <param name="message">Why, with the assembly's path, and what would be valid.</param>
/// <param name="inner">What was met.</param>
internal sealed class MethodLoadException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>A merge method of somebody else's threw an exception.</summary>
/// <param name="method">The method's name.</param>
/// <param name="path">Full path of its assembly.</param>
/// <param name="inner">What it threw.</param>
internal sealed class ForeignMethodException(string method, string path, Exception inner)
    : Exception($"method '{method}' of '{path}' failed: {inner.GetType().Name}: {inner.Message.TrimEnd('.')}{Place(inner)}", inner)
{
    // The first frame that has a file is the user's own.
    private static string Place(Exception exception) =>
        new System.Diagnostics.StackTrace(exception, fNeedFileInfo: true).GetFrames()
            .Where(frame => frame.GetFileName() is not null)
            .Select(frame =>
                $" (at {frame.GetFileName()}:{frame.GetFileLineNumber().ToString(System.Globalization.CultureInfo.InvariantCulture)})")
                    .FirstOrDefault() ?? "";
}
