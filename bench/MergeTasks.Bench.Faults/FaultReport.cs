using System.Collections.Concurrent;

namespace MergeTasks.Bench.Faults;

/// <summary>What came of the runs: how often each ending, and every promise that was broken.</summary>
internal sealed class FaultReport
{
    private const int ToldEvery = 50;

    private readonly ConcurrentDictionary<string, int> _endings = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _broken = new();

    public void Ended(string how)
    {
        _endings.AddOrUpdate(how, 1, (_, count) => count + 1);
        if (_endings.Values.Sum() is var runs && runs % ToldEvery == 0)
            Console.Error.WriteLine($"{runs} runs, {_broken.Count} broken promises");
    }

    public void Broken(string what)
    {
        _broken.Enqueue(what);
        Console.Error.WriteLine("BROKEN: " + what);
    }

    /// <summary>Prints it.</summary>
    /// <returns>The process's exit code.</returns>
    public int Print()
    {
        foreach (var (ending, count) in _endings.OrderByDescending(pair => pair.Value))
            Console.WriteLine($"{count,6}  {ending}");
        Console.WriteLine($"{_endings.Values.Sum(),6}  runs, {_broken.Count} broken promises");
        return _broken.IsEmpty ? 0 : 1;
    }
}
