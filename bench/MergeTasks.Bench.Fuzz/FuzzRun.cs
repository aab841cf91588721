using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using MergeTasks.TestSupport.Mutated;

namespace MergeTasks.Bench.Fuzz;

/// <summary>Runs readers' cases on some threads, and watches that none takes too long.</summary>
internal sealed class FuzzRun(FuzzOptions options)
{
    public const string Builds = "builds";
    private static readonly TimeSpan Saved = TimeSpan.FromSeconds(5);

    private readonly FuzzState _state = new(options.State, options.Seed);
    private readonly ConcurrentDictionary<int, (string Case, long Since)> _running = new();
    private readonly ConcurrentDictionary<string, bool> _shown = new(StringComparer.Ordinal);
    private long _faults;

    public int Run()
    {
        using var watchdog = new Timer(_ => Watch(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        var names = WithReaders(readers => readers.Select(reader => reader.Name).Append(Builds).Where(IsWanted).ToList());
        if (names.Count == 0)
        {
            Console.Error.WriteLine($"There is no reader '{options.Reader}'.");
            return 1;
        }

        foreach (var unsound in WithReaders(readers => readers.SelectMany(reader => reader.Unsound()).ToList()))
            Console.Error.WriteLine($"The corpus has a file that is refused: {unsound}");
        if (options.Case >= 0)
            return One(names[0]);

        // In short turns, so that a run that is stopped has done about as many cases of each.
        for (var share = 1; share <= 20; share++)
        {
            var queue = new ConcurrentQueue<string>(names);
            var part = share;
            var threads = Enumerable.Range(0, options.Threads).Select(_ => new Thread(() => Work(queue, part))).ToList();
            threads.ForEach(thread => thread.Start());
            threads.ForEach(thread => thread.Join());
        }

        Print(names);
        return Interlocked.Read(ref _faults) == 0 ? 0 : 1;
    }

    private void Work(ConcurrentQueue<string> queue, int share)
    {
        WithReaders(readers =>
        {
            while (queue.TryDequeue(out var name))
            {
                if (name == Builds)
                    RunBuilds(options.Builds * share / 20);
                else
                    RunReader(readers.Single(reader => reader.Name == name), options.Cases * share / 20);
            }

            return true;
        });
    }

    private void RunReader(MutatedReader reader, long cases) => Cases(reader.Name, cases, number =>
    {
        var content = reader.Case(options.Seed, number);
        return (reader.Try(content), () => Encoding.UTF8.GetString(content.AsSpan(0, Math.Min(content.Length, 4000))));
    });

    private void RunBuilds(long cases)
    {
        if (_state[Builds].Cases >= cases)
            return;
        using var project = new MutatedProject(isAlone: options.Threads == 1);
        Cases(Builds, cases, number => (project.Try(options.Seed, number, out var content), () => content));
    }

    private void Cases(string name, long cases, Func<long, (CaseOutcome Outcome, Func<string> Content)> run)
    {
        var progress = _state[name];
        var saved = Stopwatch.StartNew();
        for (var number = progress.Cases; number < cases; number++)
        {
            var since = Stopwatch.GetTimestamp();
            _running[Environment.CurrentManagedThreadId] = ($"{name} {number}", since);
            var (outcome, content) = run(number);
            var seconds = Stopwatch.GetElapsedTime(since).TotalSeconds;
            var fault = outcome.Fault ?? (seconds > MutatedReader.Longest.TotalSeconds ? $"It took {seconds:F0} s." : null);
            if (fault is not null && IsNew(name, fault))
                Console.Error.WriteLine($"FAULT: --reader \"{name}\" --case {number} --seed {options.Seed}\n{fault}\n{content()}\n");
            progress = new Progress(
                number + 1,
                progress.Refused + (outcome.IsRefused ? 1 : 0),
                progress.Seconds + seconds,
                Math.Max(progress.Slowest, seconds),
                Math.Max(progress.Allocated, outcome.Allocated),
                progress.Faults + (fault is null ? 0 : 1));
            if (saved.Elapsed <= Saved)
                continue;
            _state.Set(name, progress);
            saved.Restart();
        }

        _running.TryRemove(Environment.CurrentManagedThreadId, out _);
        _state.Set(name, progress);
    }

    // Of faults that come from the same place one is shown.
    private bool IsNew(string name, string fault)
    {
        var place = string.Join('\n', fault.Split('\n').Where(line => line.Contains(" at ", StringComparison.Ordinal)).Take(3));
        Interlocked.Increment(ref _faults);
        return _shown.TryAdd(name + (place.Length > 0 ? place : fault[..Math.Min(fault.Length, 12)]), true);
    }

    private int One(string name)
    {
        if (name == Builds)
        {
            using var project = new MutatedProject(isAlone: true);
            var outcome = project.Try(options.Seed, options.Case, out var content);
            Console.WriteLine($"{content}\n{outcome}");
            return outcome.Fault is null ? 0 : 1;
        }

        return WithReaders(readers =>
        {
            var reader = readers.Single(reader => reader.Name == name);
            var content = reader.Case(options.Seed, options.Case);
            Console.WriteLine(Encoding.UTF8.GetString(content));
            Console.WriteLine(reader.Try(content));
            return 0;
        });
    }

    // A case that never ends would be waited for in vain: the process ends, and what it was is told.
    private void Watch()
    {
        foreach (var (name, since) in _running.Values)
        {
            if (Stopwatch.GetElapsedTime(since) > MutatedReader.Longest * 6)
            {
                Console.Error.WriteLine($"FAULT: {name} does not end.");
                Environment.Exit(2);
            }
        }
    }

    private void Print(List<string> names)
    {
        Console.WriteLine("reader | cases | refused | µs each | slowest, ms | most allocated, kB | faults");
        foreach (var name in names)
        {
            var (cases, refused, seconds, slowest, allocated, faults) = _state[name];
            var (share, each) = (100.0 * refused / Math.Max(1, cases), seconds * 1e6 / Math.Max(1, cases));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{name} | {cases} | {share:F0} % | {each:F0} | {slowest * 1000:F0} | {allocated / 1000} | {faults}"));
        }
    }

    private bool IsWanted(string name) => options.Reader.Length == 0 || name == options.Reader;

    private static T WithReaders<T>(Func<IReadOnlyList<MutatedReader>, T> work)
    {
        // In memory where that is to be had: a case is mostly one small file.
        var root = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
        var folder = Directory.CreateDirectory(Path.Combine(root, $"mergetasks-fuzz-{Guid.NewGuid():N}")).FullName;
        try
        {
            return work([.. MutatedReaders.In(folder), .. TaskReaders.In(folder)]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
