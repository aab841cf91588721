using MergeTasks.Sources.Contract;
using NuGet.Common;

namespace MergeTasks.Sources.Packages;

/// <summary>What the NuGet client has to say, as far as a reader of the log may want to know it.</summary>
internal sealed class NuGetLog(RestoreProgress progress) : LoggerBase(LogLevel.Minimal)
{
    public override void Log(ILogMessage message)
    {
        if (message.Level >= LogLevel.Warning)
            progress.Note($"NuGet: {message.Message}");
    }

    public override Task LogAsync(ILogMessage message)
    {
        Log(message);
        return Task.CompletedTask;
    }
}
