// EcoFace's batch as a job type of Flamenco 3: each task does a part of the lines, the last one makes the table.
// It goes into the folder `scripts` beside the Flamenco Manager; see docs/batch.md.

const JOB_TYPE = {
    label: "EcoFace Batch",
    description: "Voices become speaking heads: a CSV, or a folder of sounds, in parts.",
    settings: [
        { key: "lines", type: "string", required: true,
          description: "CSV or folder of sounds, at a path that all workers see" },
        { key: "out", type: "string", required: true,
          description: "Folder of the outputs and the result tables, at a path that all workers see" },
        { key: "parts", type: "int32", default: 4, description: "How many tasks share the lines" },
        { key: "workers", type: "int32", default: 1, description: "Engines side by side in each task" },
        { key: "options", type: "string", default: "",
          description: "More options of the command, apart by spaces, such as --outputs fbx --fps 25" },
    ],
};

function compileJob(job) {
    const settings = job.settings;
    const more = settings.options.split(" ").filter((word) => word !== "");
    const usual = [
        "--command", "ecoface", "batch", settings.lines, "-o", settings.out,
        "--workers", String(settings.workers), ...more,
    ];
    const whole = author.Task("results", "blender");
    for (let part = 1; part <= settings.parts; part++) {
        const task = author.Task(`part-${part}`, "blender");
        task.addCommand(ecoface([...usual, "--shard", `${part}/${settings.parts}`]));
        whole.addDependency(task);
        job.addTask(task);
    }
    whole.addCommand(ecoface(usual));
    job.addTask(whole);
}

function ecoface(args) {
    return author.Command("exec", { exe: "{blender}", args: args });
}
