using System.Text;
using MergeTasks.Caching;
using MergeTasks.Files.Json;
using MergeTasks.Language.Declarations;
using MergeTasks.Merging.Devices;
using MergeTasks.Tasks;
using MergeTasks.TestSupport.Mutated;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Bench.Fuzz;

/// <summary>Readers of the records that the tasks keep below <c>obj</c>.</summary>
internal static class TaskReaders
{
    public static IEnumerable<MutatedReader> In(string folder)
    {
        var declared = ContentDigest.Of("declared");
        var output = Directory.CreateDirectory(Path.Combine(folder, "out")).FullName;
        new PlanRecord(folder, declared).Write(
            [Path.Combine(folder, "a"), output], 0, [new PlannedOutput("m", output, new CarriedOutput("models", "", true), ["a", "b"])]);
        var plan = File.Exists(PlanRecord.PathIn(folder))
            ? File.ReadAllBytes(PlanRecord.PathIn(folder))
            : Encoding.UTF8.GetBytes(
                $"mergetasks plan 1\n{declared}\n{StampSnapshot.Take([], 0).Digest}\noutputs\nm\t{output}\tmodels\t\t+\ta\tb\n");
        yield return new("plan", MutationKind.Bytes, [plan], bytes =>
        {
            File.WriteAllBytes(PlanRecord.PathIn(folder), bytes);
            _ = new PlanRecord(folder, declared).Find()?.Count;
        })
        { ReadsAnything = true };
        var project = Path.Combine(folder, "p.csproj");
        yield return new(
            "outputs", MutationKind.Bytes, "p.csproj\toutput\tout/m\np.csproj\tgenerated\tm.proj\nq.csproj\toutput\t/x/y\n", bytes =>
        {
            File.WriteAllBytes(OutputRecord.PathIn(folder), bytes);
            _ = new OutputRecord(folder, project, Path.Combine(folder, "cache"), default).Update([output], []);
            if (!Directory.Exists(output))
                throw new InvalidOperationException("A folder is gone.");
        })
        { ReadsAnything = true };
        var host = new DeviceHost("/a/b.dll", new DeviceChoice(DeviceKind.Cuda, 0, default, ["/x"]), true);
        yield return new("device", MutationKind.Json, [RecordFile.ToBytes(host)], bytes =>
            DeviceHost.Read(MutatedReaders.Put(folder, "device.json", bytes)));
        yield return new("running", MutationKind.Bytes, "cuda:0 (gradient of 'a')", bytes =>
            RunningPhase.ReadLost(MutatedReaders.Put(folder, "m.running", bytes)));
    }
}
