using System.Diagnostics;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.CrashHost;

/// <summary>Kills the process, without any chance to clean up, at the n-th call of one of the progress methods.</summary>
internal sealed class KillSwitch(string moment, int call) : MergeProgress
{
    private int _calls;

    public override void Written(int bytes) => Count("written");

    public override void Scored(long tokens) => Count("scored");

    public override void Publishing(string path) => Count("publishing");

    private void Count(string happened)
    {
        if (happened != moment || Interlocked.Increment(ref _calls) != call)
            return;
        Process.GetCurrentProcess().Kill();
        Thread.Sleep(Timeout.Infinite);
    }
}
