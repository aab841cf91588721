using System.Globalization;
using System.Runtime.InteropServices;

namespace MergeTasks.Torch.Engine;

/// <summary>
/// How the threads of the library's OpenMP wait for work. By default they spin, which takes the processor from whoever could use it, from
/// each other on a busy machine too. OpenMP reads this from the environment once, when it is loaded.
/// </summary>
internal static partial class ThreadPolicy
{
    // Whoever sets one of these has decided how threads wait (libgomp of Linux; libiomp and libomp of Windows and macOS).
    private static readonly string[] Decisions = ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY"];

    /// <summary>
    /// Lets threads sleep while they wait, unless the user said otherwise; takes effect where the library is not loaded yet.
    /// </summary>
    /// <param name="threads">The most threads, for those that the library starts before it is told; null: not known yet.</param>
    public static void Set(int? threads = null)
    {
        if (Decisions.All(name => Environment.GetEnvironmentVariable(name) is null))
        {
            Put("OMP_WAIT_POLICY", "PASSIVE");
            Put("KMP_BLOCKTIME", "0");
        }
        else
        {
            // A build's environment, as MSBuild hands it on, is known to the runtime and not to native code.
            foreach (var name in Decisions)
                Put(name, Environment.GetEnvironmentVariable(name));
        }

        var most = threads?.ToString(CultureInfo.InvariantCulture);
        foreach (var name in new[] { "OMP_NUM_THREADS", "MKL_NUM_THREADS" })
            Put(name, Environment.GetEnvironmentVariable(name) ?? most);
    }

    // The runtime's own call changes a copy of the environment on Unix, which native code does not see.
    private static void Put(string name, string? value)
    {
        if (value is null)
            return;
        if (OperatingSystem.IsWindows())
            Environment.SetEnvironmentVariable(name, value);
        else if (SetVariable(name, value, overwrite: 1) != 0)
            throw new InvalidOperationException($"The environment does not take {name}.");
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
